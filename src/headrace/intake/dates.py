"""Dates and times as people write them. ISO is read without being told; any other form must be declared."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from headrace.errors import UsageError
from headrace.intake.fields import Kind
from headrace.intake.unfit import UnfitError

USUAL_FORMATS: Final = {
    Kind.DATE: (
        "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
        "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y",
        "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M",
        "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p",
    ),
    Kind.DATETIME: (
        "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M",
        "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%d.%m.%Y", "%d/%m/%Y",
        "%m/%d/%Y",
    ),
    Kind.TIME: ("%H:%M", "%H.%M", "%I:%M %p", "%I:%M:%S %p", "%H%M"),
}  # fmt: skip
"""Formats that are tried for the hint, and only for the hint."""

EXPECTED: Final = {Kind.DATE: "YYYY-MM-DD", Kind.DATETIME: "YYYY-MM-DDTHH:MM:SS", Kind.TIME: "HH:MM:SS"}

_CODES: Final = {Kind.DATE: "not_a_date", Kind.DATETIME: "not_a_datetime", Kind.TIME: "not_a_time"}
_NOUNS: Final = {Kind.DATE: "a date", Kind.DATETIME: "a date and time", Kind.TIME: "a time"}

_TAKE: Final[dict[Kind, Callable[[dt.datetime], Any]]] = {
    Kind.DATE: dt.datetime.date,
    Kind.DATETIME: lambda moment: moment,
    Kind.TIME: dt.datetime.time,
}


def date_as(form: str, kind: Kind) -> Callable[[Any], Any]:
    """Return the reader of what is written in `form` (as `strptime` has it). Raises `UsageError` for no format."""
    _try_out(form)
    take = _TAKE[kind]

    def read(cell: Any) -> Any:
        if isinstance(cell, (dt.date, dt.time)):
            return cell
        try:
            # Without a zone in the format the file means local time, and so does what comes out.
            return take(dt.datetime.strptime(str(cell).strip(), form))  # noqa: DTZ007 - see above
        except ValueError:
            raise UnfitError(_CODES[kind], f"not {_NOUNS[kind]} as {form}", _hint(str(cell), kind)) from None

    return read


def minutes_between(form: str | None) -> Callable[[Any], int]:
    """Return the reader of two times, ISO or in a form, that makes whole minutes of what is between them.

    Where only one of them says its zone, or the second is before the first, it is a fault.
    """
    read = _iso if form is None else date_as(form, Kind.DATETIME)

    def minutes(cells: Any) -> int:
        begin, end = (read(cell) for cell in (cells if isinstance(cells, tuple) else (cells, None)))
        if (begin.tzinfo is None) != (end.tzinfo is None):
            raise UnfitError("not_a_duration", "only one of the two times says its zone", "give both in one form")
        seconds = (end - begin).total_seconds()
        if seconds < 0:
            raise UnfitError("not_a_duration", "the end is before the beginning", "swap them, or correct one")
        return int(seconds / 60 + 0.5)

    return minutes


def _iso(cell: Any) -> dt.datetime:
    if isinstance(cell, dt.datetime):
        return cell
    try:
        return dt.datetime.fromisoformat(str(cell).strip())
    except ValueError:
        is_blank = cell is None or cell is UNSET or not str(cell).strip()
        hint = "both columns need one" if is_blank else _hint(str(cell), Kind.DATETIME)
        raise UnfitError(_CODES[Kind.DATETIME], "not a date and time", hint) from None


def iso_text_as(form: str) -> Callable[[Any], str]:
    """Return the reader that makes ISO text of what is written in `form`, for fields that take text or anything."""
    has_time = any(sign in form for sign in ("%H", "%I", "%X", "%c"))
    read = date_as(form, Kind.DATETIME if has_time else Kind.DATE)
    return lambda cell: str(read(cell).isoformat())


def not_temporal(text: str, kind: Kind) -> tuple[str, str, str]:
    """Return code, sentence and hint for a `text` that is not what a field of `kind` takes."""
    return _CODES[kind], f"not {_NOUNS[kind]}: expected {EXPECTED[kind]}", _hint(text, kind)


def _hint(text: str, kind: Kind) -> str:
    """Return which format would read `text`; where day and month could be either, both."""
    read: dict[dt.datetime, str] = {}
    for form in USUAL_FORMATS[kind]:
        try:
            read.setdefault(dt.datetime.strptime(text[:40].strip(), form), form)  # noqa: DTZ007 - only compared
        except ValueError:
            continue
    forms = [f'format = "{form}"' for form in read.values()]
    if not forms:
        return f"write it as {EXPECTED[kind]}, or declare a format"
    if len(forms) == 1:
        return f"declare it: {forms[0]}"
    return f"it is ambiguous, so declare which it is: {' or '.join(forms)}"


def _try_out(form: str) -> None:
    moment = dt.datetime(2001, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    try:
        dt.datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - only tried out
    except ValueError:
        is_known = False
    else:
        is_known = "%" in form
    if not is_known:
        hint = 'for example "%d.%m.%Y" for 31.12.2026, "%m/%d/%Y" for 12/31/2026'
        raise UsageError(f"'{form}' is not a date format", hint=hint)
