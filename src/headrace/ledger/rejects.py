"""Reject files as they come back (`returned`): each row that was refused, repaired or not."""

from pathlib import Path
from typing import Final

from headrace.ledger.returned import Returned, ReturnedFile
from headrace.ledger.sheet import Kind

Reject = Returned
"""One record of a reject file; `own` is what was wrong with it: field, code, error and hint."""
_REMEDY: Final = "Keep the header and the column `line` as headrace wrote them; edit the other cells."


class RejectFile(ReturnedFile):
    """A reject file, opened. Iterating gives its rejects. Raises `SourceError` where it cannot be understood."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Kind.REJECTS, _REMEDY)
