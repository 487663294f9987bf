"""The checks on attribute values: what a server accepts for each type, and how a filter spells it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from headrace.sandbox.jsonapi.problems import NOT_LISTED

Parse = Callable[[str], Any]


def as_is(value: Any) -> Any:
    """Return a stored value that compares as it is."""
    return value


@dataclass(frozen=True, slots=True)
class Check:
    """One type of attribute. `fault` returns what is wrong with a value that is not blank, None if nothing is.

    `parse` reads a filter's text into a value that compares with stored ones, raising ValueError; `splits` says
    whether a comma in it separates values; `stored` turns a stored value into what compares.
    """

    fault: Callable[[Any], str | None]
    parse: Parse = str
    splits: bool = True
    stored: Callable[[Any], Any] = as_is


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; true and false are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _must(accept: Callable[[Any], bool], detail: str) -> Callable[[Any], str | None]:
    return lambda value: None if accept(value) else detail


def _is_integer(value: Any) -> bool:
    return is_number(value) and isinstance(value, int)


def integer(*, least: int | None = None, above: int | None = None) -> Check:
    """Return the check for whole numbers, of at least `least` or more than `above`. Text is refused."""

    def fault(value: Any) -> str | None:
        if not is_number(value):
            return "is not a number"
        if not isinstance(value, int):
            return "must be an integer"
        if least is not None and value < least:
            return f"must be greater than or equal to {least}"
        return f"must be greater than {above}" if above is not None and value <= above else None

    return Check(fault, int)


def choice(*values: int) -> Check:
    """Return the check for a number out of a closed list."""
    return Check(_must(lambda value: _is_integer(value) and value in values, NOT_LISTED), int)


def word(*values: str) -> Check:
    """Return the check for a text out of a closed list."""
    return Check(_must(lambda value: isinstance(value, str) and value in values, NOT_LISTED))


def _is_decimal(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(value).is_finite()
    except (InvalidOperation, TypeError, ValueError):
        return False


def _is_date(value: Any) -> bool:
    return isinstance(value, str) and bool(_DATE.fullmatch(value)) and _reads(date.fromisoformat, value)


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and "T" in value and _reads(datetime.fromisoformat, value)


def _reads(read: Callable[[str], Any], value: str) -> bool:
    try:
        read(value)
    except ValueError:
        return False
    return True


def _day(value: str) -> str:
    """Return the date of a filter value: dates are compared by their date component (guides/filtering)."""
    return date.fromisoformat(value[:10]).isoformat()


def _truth(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError(value)
    return value == "true"


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(type(item) is kind for item in value)


_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")

TEXT: Final = Check(_must(lambda value: isinstance(value, str), "is invalid"), splits=False)
BOOLEAN: Final = Check(_must(lambda value: isinstance(value, bool), NOT_LISTED), _truth)
DECIMAL: Final = Check(_must(_is_decimal, "is not a number"), Decimal, stored=lambda value: Decimal(str(value)))
DATE: Final = Check(_must(_is_date, "is invalid"), _day)
TIME: Final = Check(_must(_is_time, "is invalid"), _day, stored=lambda value: value[:10])
OBJECT: Final = Check(_must(lambda value: isinstance(value, dict), "is invalid"))
WORDS: Final = Check(_must(_is_list_of(str), "is invalid"))
TAGS: Final = Check(_must(lambda value: isinstance(value, str) or _is_list_of(str)(value), "is invalid"))
NUMBERS: Final = Check(_must(_is_list_of(int), "is invalid"))
EMAIL: Final = Check(_must(lambda value: isinstance(value, str) and 0 < value.find("@") < len(value) - 1, "is invalid"))
COUNT: Final = integer(least=0)
POSITIVE: Final = integer(above=0)
INTEGER: Final = integer()
