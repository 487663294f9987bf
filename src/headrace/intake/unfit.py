"""A cell that does not fit its field: how a transform says so, before mapping makes a fault of it."""

from typing import Any

from headrace.intake.suggestion import shown
from headrace.model import Fault


class UnfitError(Exception):
    """Raised by a transform; caught by the column that applies it. It never leaves intake."""

    def __init__(self, code: str, error: str, hint: str | None = None) -> None:
        super().__init__(error)
        self.code = code
        self.error = error
        self.hint = hint

    def fault(self, field: str, column: str | None, value: Any) -> Fault:
        """Return the fault of the cell that holds `value`."""
        return Fault(code=self.code, error=self.error, field=field, column=column, value=shown(value), hint=self.hint)
