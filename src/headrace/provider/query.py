"""Values as the query of an address has them, whatever the envelope."""

from datetime import date
from typing import Any


def text(value: Any) -> str:
    """Return `value` as a query has it: dates in ISO 8601, true and false in lower case."""
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case _:
            return str(value)
