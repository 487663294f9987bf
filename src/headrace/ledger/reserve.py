"""The reserve: disk space kept aside, so that an outcome can be written where its intent still could.

Without it a disk that fills up between a request and its answer would leave the rows of that request in doubt.
"""

import os
from pathlib import Path
from typing import Final

from headrace.errors import StoppedError
from headrace.ledger import durable

RESERVE_BYTES: Final = 4 * 1024 * 1024
_BLOCK: Final = bytes(64 * 1024)


class Reserve:
    """A file of `RESERVE_BYTES`, given back to the disk on `release()`."""

    def __init__(self, path: Path) -> None:
        """Take the space. Raises `StoppedError` when the disk does not have it: nothing has been sent then."""
        self._path = path
        try:
            descriptor = durable.create(path)
            try:
                # Written, not just allocated: a file system may count allocated blocks as free for others.
                for _ in range(RESERVE_BYTES // len(_BLOCK)):
                    durable.write_all(descriptor, _BLOCK)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.release()
            raise StoppedError(
                f"The disk of the checkpoint is full ({error.strerror}); nothing was sent.",
                hint="Free at least 16 MB and run the same command again.",
            ) from None

    def release(self) -> None:
        """Give the space back. Calling it again does nothing."""
        self._path.unlink(missing_ok=True)
