"""Numbers and durations as people write them, to numbers. Pure; a doubt is a fault, never a guess."""

import datetime as dt
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from headrace.errors import UsageError
from headrace.intake.unfit import UnfitError

_PLAIN: Final = re.compile(r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?\d{1,60},\d{1,60}", re.ASCII)
_DOUBTFUL: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'"})
"""What typography makes of blanks, minus and apostrophe in numbers."""

USUAL_FORMATS: Final = ("1.234,56", "1,234.56", "1 234,56", "1'234.56", "1 234.56")


def number(cell: Any) -> Decimal:
    """Return the number that `cell` is: `1234.56`, or with a decimal comma that can be nothing else, `1234,56`.

    `1,234` may be either of two numbers and is a fault that asks for a format.
    """
    if not isinstance(cell, str):
        return _of_json(cell)
    text = cell.strip().translate(_SPACES)
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _DOUBTFUL.fullmatch(text):
        raise UnfitError(
            "ambiguous_number",
            "it is not clear whether the comma is a decimal comma",
            'say which: format = "1,234.56" or format = "1.234,56"',
        )
    if _COMMA.fullmatch(text):
        return Decimal(text.replace(",", "."))
    raise UnfitError("not_a_number", "not a number", _format_hint(text))


def _of_json(cell: Any) -> Decimal:
    if isinstance(cell, bool) or not isinstance(cell, (int, float, Decimal)) or not math.isfinite(cell):
        raise UnfitError("not_a_number", "not a number")
    return Decimal(repr(cell)) if isinstance(cell, float) else Decimal(cell)


def _format_hint(text: str) -> str | None:
    """Return which formats would read `text`."""
    fitting = [f'"{example}"' for example in USUAL_FORMATS if _pattern(example)[0].fullmatch(text)]
    return f"say how numbers are written: format = {' or '.join(fitting)}" if fitting else None


def number_as(example: str) -> Callable[[Any], Decimal]:
    """Return the reader of numbers that are written as `example` is, such as `1.234,56` or `1 234.56`.

    A single separator with exactly three digits behind it groups thousands; any other last separator is the decimal
    one. Raises `UsageError` for an example that is none.
    """
    pattern, group, point = _pattern(example)

    def read(cell: Any) -> Decimal:
        if not isinstance(cell, str):
            return _of_json(cell)
        text = cell.strip().translate(_SPACES)
        if not pattern.fullmatch(text):
            raise UnfitError("not_a_number", f"not a number as in {example}")
        return Decimal(text.replace(group, "").replace(point, ".") if group else text.replace(point, "."))

    return read


def _pattern(example: str) -> tuple[re.Pattern[str], str, str]:
    """Return the pattern of numbers such as `example`, the group separator (may be empty) and the decimal one."""
    text = example.strip().translate(_SPACES)
    found = re.fullmatch(r"\d{1,3}(?P<group>[.,' ])\d{3}(?:(?P<point>[.,])\d+)?|\d+(?:(?P<only>[.,])\d+)?", text)
    if found is None or found["group"] == (found["point"] or ""):
        hint = 'give an example such as "1.234,56" or "1 234.56"'
        raise UsageError(f"'{example}' does not show how numbers are written", hint=hint)
    group = found["group"] or ""
    point = found["point"] or found["only"] or ("," if group == "." else ".")
    grouped = rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}}){{1,20}}|" if group else ""
    return re.compile(rf"[+-]?(?:{grouped}\d{{1,60}})(?:{re.escape(point)}\d{{0,60}})?", re.ASCII), group, point


def whole(value: Decimal) -> int:
    """Return `value` as an integer; a fraction is a fault."""
    if value != value.to_integral_value():
        raise UnfitError("not_an_integer", "not a whole number")
    return int(value)


def cents(value: Decimal) -> int:
    """Return an amount of money as cents; a fraction of a cent is a fault."""
    if value * 100 != (value * 100).to_integral_value():
        raise UnfitError("too_precise", "an amount with more than two decimals", "round it to cents")
    return int(value * 100)


_CLOCK: Final = re.compile(r"([+-]?)(\d{1,4}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_UNITS: Final = re.compile(
    r"([+-]?)(?:(\d{1,4}(?:[.,]\d{1,4})?)\s*(?:h|hr|hrs|hours?|std)\.?)?"
    r"\s*(?:(\d{1,6}(?:[.,]\d{1,4})?)\s*(?:m|min|mins|minutes?)?\.?)?",
    re.ASCII | re.IGNORECASE,
)


def minutes_by(read: Callable[[Any], Decimal]) -> Callable[[Any], int]:
    """Return the reader of durations: `1:30`, `1h 30m`, `90 min`, or hours as `read` reads them, to whole minutes.

    Half a minute rounds up.
    """

    def minutes(cell: Any) -> int:
        if isinstance(cell, dt.timedelta):
            return _rounded(Decimal(repr(cell.total_seconds() / 60)))
        text = cell.strip() if isinstance(cell, str) else ""
        if found := _CLOCK.fullmatch(text):
            sign, hours, rest, seconds = found.groups()
            return _rounded(_signed(sign, Decimal(hours) * 60 + Decimal(rest) + Decimal(seconds or 0) / 60))
        if any(map(str.isalpha, text)):
            return _rounded(_with_units(text))
        try:
            return _rounded(read(cell) * 60)
        except UnfitError as unfit:
            code = unfit.code if unfit.code == "ambiguous_number" else "not_a_duration"
            raise UnfitError(code, "not a duration", unfit.hint or 'write hours as 1:30, "1h 30m" or 1.5') from None

    return minutes


def _with_units(text: str) -> Decimal:
    found = _UNITS.fullmatch(text)
    if found is None or found[2] is found[3] is None:
        raise UnfitError("not_a_duration", "not a duration", 'write hours as 1:30, "1h 30m" or 1.5')
    sign, hours, rest = found.groups()
    total = Decimal((hours or "0").replace(",", ".")) * 60 + Decimal((rest or "0").replace(",", "."))
    return _signed(sign, total)


def _signed(sign: str, value: Decimal) -> Decimal:
    return -value if sign == "-" else value


def _rounded(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))
