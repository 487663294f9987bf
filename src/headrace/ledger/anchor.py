"""The anchor: whether the checkpoint is still where it was opened.

A database whose folder was deleted or swapped goes on taking writes that nobody will ever find, and so would intents
(RELIABILITY.md, matrix row 12).
"""

import os
from pathlib import Path

from headrace.errors import StoppedError


class Anchor:
    """Remembers which file a path led to."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._found = self._path.stat()

    def displaced(self) -> StoppedError | None:
        """Return why nothing more may be sent, None while the file is in its place. Costs one `stat`."""
        try:
            if os.path.samestat(self._path.stat(), self._found):
                return None
            reason = "another file is in its place"
        except OSError as error:
            reason = error.strerror or "it is gone"
        return StoppedError(
            f"The checkpoint {self._path} cannot be found any more: {reason}; nothing more was sent.",
            hint="Put it back, or its disk, and run the same command again: without it what was sent is not known.",
        )
