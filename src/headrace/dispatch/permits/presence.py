"""The presence of a permit log: a kernel lock that its process holds for as long as it lives, and no longer.

A process that is stopped is present; one that was killed is not, nor one of before the machine was started again. A
process id would tell neither, and means nothing in another container that shares the folder.
"""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final, Self

_SUFFIX: Final = ".alive"
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Presence:
    """The sign that the log `owner`, a random number above 0, is alive. To be announced under the folder's lock."""

    def __init__(self, folder: Path, owner: int, descriptor: int) -> None:
        self.owner = owner
        self._path = _sign(folder, owner)
        self._descriptor = descriptor

    @classmethod
    def announce(cls, folder: Path) -> Self:
        """Put up a new sign in `folder`. Raises `OSError`."""
        owner = secrets.randbits(63) + 1
        descriptor = os.open(_sign(folder, owner), _CREATE, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(folder, owner, descriptor)

    def withdraw(self) -> None:
        """Take the sign down: what this log has not ended is lost."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def is_present(folder: Path, owner: int) -> bool:
    """Whether the log `owner` is alive. The sign of one that is not is taken down. Under the folder's lock."""
    path = _sign(folder, owner)
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Take down the signs of the dead. Under the folder's lock. Raises `OSError`."""
    for path in folder.glob(f"*{_SUFFIX}"):
        is_present(folder, int(path.stem, 16))


def _sign(folder: Path, owner: int) -> Path:
    return folder / f"{owner:016x}{_SUFFIX}"
