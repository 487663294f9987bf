"""The lock: one holder of a checkpoint at a time, by a kernel lock on a file of its own, beside the checkpoint.

The lock is released by the death of its holder and by nothing else, so that a stopped process still has it. It is
never a lock on the database itself: `status` reads that while a run goes on.
"""

import fcntl
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec import Struct

from headrace.errors import LockedError, UsageError

# A reader that asks who holds the lock holds it shared for an instant itself, and a holder that leaves unlinks the
# file: both are over within microseconds, so a few short pauses are plenty.
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.02
_LONGEST_CONTENT: Final = 4096


class Holder(Struct, frozen=True):
    """Who holds a checkpoint: process id, host name, and when it took the lock (UTC, ISO 8601)."""

    pid: int
    host: str
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, running since {self.started}"


_UNNAMED: Final = Holder(0, "an unknown host", "an unknown time")


class Lock:
    """The held lock. `release()` gives it up and removes its file; so does the end of the process, but for the file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path) -> Self:
        """Take the lock at `path`. Raises `LockedError` naming the holder when another open checkpoint has it."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE)
            descriptor = _take(path)
            if descriptor is not None:
                return cls(path, descriptor)
        raise LockedError(
            f"The checkpoint {path.with_suffix('').name} is in use by {holder(path) or _UNNAMED}.",
            hint="Wait for it to end, or stop it; `headrace status` shows where it stands.",
        )

    def release(self) -> None:
        """Give the lock up. Calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # Unlinked while still held: whoever opened the old file meanwhile notices that it is no longer the one.
            self.path.unlink(missing_ok=True)
            os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Return who holds the lock at `path`, None when nobody does. Creates nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


def _take(path: Path) -> int | None:
    """Return the descriptor of the locked file, None when someone else has it or it was just removed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"Cannot create the lock {path}: {error.strerror}.", hint="Check the folder.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still_at(path, descriptor):
            _write(descriptor)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _is_still_at(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one that others will find at `path`."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int) -> None:
    """Say in the file who holds it."""
    me = Holder(os.getpid(), socket.gethostname(), datetime.now(UTC).isoformat(timespec="seconds"))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, msgspec.json.encode(me), 0)


def _read(descriptor: int) -> Holder:
    """Return who the file names, or a holder without a name in the instant before it is written."""
    try:
        return msgspec.json.decode(os.pread(descriptor, _LONGEST_CONTENT, 0), type=Holder)
    except msgspec.MsgspecError:
        return _UNNAMED
