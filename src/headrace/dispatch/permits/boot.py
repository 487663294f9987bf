"""The boot: which start of the machine this is. Instants of its clock mean nothing to any other."""

import subprocess
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Final

_LINUX: Final = Path("/proc/sys/kernel/random/boot_id")
_MACOS: Final = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
_PATIENCE: Final = 5.0


def boot_number() -> int:
    """Return 63 bits that are the same in all processes until the machine starts again. Raises `OSError`."""
    name = _LINUX.read_bytes() if sys.platform == "linux" else _session()
    return int.from_bytes(blake2b(name.strip(), digest_size=8).digest()) >> 1


def _session() -> bytes:
    try:
        # A fixed command of the system, by its full path and without a word from outside.
        return subprocess.run(_MACOS, capture_output=True, check=True, timeout=_PATIENCE).stdout  # noqa: S603
    except subprocess.SubprocessError as error:
        raise OSError(str(error)) from error
