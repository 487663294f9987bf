"""The folder that processes share: where it is, and its lock, under which every step on its files is taken."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_FIRST_PAUSE: Final = 1e-4
_LONGEST_PAUSE: Final = 0.05
_PATIENCE: Final = 0.01
"""Seconds that a step may hold the event loop while somebody else is at the files; a step takes far less."""


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what outlives a run: `HEADRACE_STATE_DIR`, else the user's own folder for state."""
    if chosen := environment.get("HEADRACE_STATE_DIR"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "headrace"
    # A relative path there is invalid and to be ignored: https://specifications.freedesktop.org/basedir-spec/latest/
    base = Path(environment.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "headrace"


class FolderLock:
    """The lock of `folder`, which is made for its user alone. One event loop; the kernel frees it with the process."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and open its lock. Raises `OSError` where it cannot be used, or is somebody else's."""
        for missing in [part for part in (*reversed(folder.parents), folder) if not part.exists()]:
            missing.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        folder.chmod(0o700)
        self._descriptor = os.open(folder / "lock", _OPEN, 0o600)

    @contextmanager
    def held(self, patience: float = _PATIENCE) -> Iterator[bool]:
        """Hold the lock, after at most about `patience` seconds; tell whether it is held."""
        is_held = self._is_taken(patience)
        try:
            yield is_held
        finally:
            if is_held:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock's file."""
        os.close(self._descriptor)

    def _is_taken(self, patience: float) -> bool:
        pause, waited = _FIRST_PAUSE, 0.0
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited >= patience:
                    return False
                time.sleep(pause)
                waited, pause = waited + pause, min(2 * pause, _LONGEST_PAUSE)
            else:
                return True
