"""Transforms: from a cell as found to a value that the field takes. A closed table of pure functions."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET

from headrace.errors import UsageError
from headrace.intake.amounts import cents, minutes_by, number, number_as, whole
from headrace.intake.dates import date_as, iso_text_as, minutes_between
from headrace.intake.fields import TEMPORAL, Field, Kind
from headrace.intake.rule import Rule, Scalar
from headrace.intake.suggestion import close_to, listed
from headrace.intake.unfit import UnfitError

Transform: TypeAlias = Callable[[Any], Any]
Reader: TypeAlias = Callable[[Any], Decimal]

_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "y", "on", "1", "x", "t"), True),
    **dict.fromkeys(("false", "no", "n", "off", "0", "f"), False),
}


def transform_of(field: Field, rule: Rule) -> Transform | None:
    """Return the function that `rule` asks for on every cell of `field` that is not blank, None where there is none.

    What the function returns for a field without `as` and `format` goes to validation, which reads ISO dates and plain
    integers from text by itself. Raises `UsageError` for a rule that makes no sense for the field.
    """
    if rule.until is not None:
        return minutes_between(rule.format)
    if field.kind in _NESTED and rule == Rule(column=rule.column):
        return nested
    steps = [step for step in (_mapped(rule.map), _reading(field, rule)) if step is not None]
    if not steps:
        each: Transform | None = None
    elif len(steps) == 1:
        each = steps[0]
    else:
        first, second = steps
        each = lambda cell: second(found) if isinstance(found := first(cell), str) else found  # noqa: E731 - a closure
    return each if rule.split is None else _split(rule.split, each or (lambda item: item))


def _reading(field: Field, rule: Rule) -> Transform | None:
    """Return the step that turns text into the field's kind of value."""
    kind = field.item
    if rule.lookup is not None or rule.from_ is not None:
        return _AS[rule.as_](number) if rule.as_ else text
    if rule.as_ is not None:
        make = _AS[rule.as_](_reader(rule.format))
        return (lambda cell: text(make(cell))) if kind is Kind.TEXT else _cast(kind, make)
    if rule.format is not None:
        return _formatted(rule.format, kind, field.name)
    return _DEFAULTS.get(kind)


def _formatted(form: str, kind: Kind, name: str) -> Transform:
    if kind in TEMPORAL:
        return date_as(form, kind)
    if kind in (Kind.TEXT, Kind.ANY) and "%" in form:
        return iso_text_as(form)
    if kind in _CASTS:
        return _cast(kind, number_as(form))
    raise UsageError(f"'{name}' is {kind.value}: a format says nothing about it", hint="leave the format out")


def _reader(form: str | None) -> Reader:
    return number if form is None else number_as(form)


def _plain(value: Decimal) -> str:
    """Return a number without an exponent and without zeros at its end."""
    return f"{value.normalize():f}"


def _float(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)


_CASTS: Final[Mapping[Kind, Callable[[Decimal], Any]]] = {
    Kind.INTEGER: whole,
    Kind.NUMBER: float,
    Kind.DECIMAL: lambda value: value,
    Kind.CHOICE: whole,
    Kind.TEXT: _plain,
    Kind.ANY: _float,
}


def _cast(kind: Kind, read: Transform) -> Transform:
    """Return `read` followed by the step from a decimal number to what the field takes."""
    cast = _CASTS.get(kind)
    if cast is None:
        return read
    return lambda cell: cast(found) if isinstance(found := read(cell), Decimal) else found


def boolean(cell: Any) -> bool:
    """Return yes or no."""
    if isinstance(cell, bool):
        return cell
    found = _WORDS.get(str(cell).strip().casefold())
    if found is None:
        raise UnfitError("not_a_boolean", "neither yes nor no", "write true or false; or map the values")
    return found


CONVERTED: Final = ("markdown", "html")
"""What `as` may say of texts that a resource takes in a format of its own."""
_NESTED: Final = {Kind.LIST: "[", Kind.OBJECT: "{"}


def nested(cell: Any) -> Any:
    """Return a list or an object that is written as JSON, as in our own exports; any other cell as it is."""
    if not isinstance(cell, str) or cell.lstrip()[:1] not in _NESTED.values():
        return cell
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        return cell


def text(cell: Any) -> str:
    """Return the cell as text: a number or a yes-or-no as JSON writes it, text without blanks around it."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, Decimal):
        return _plain(cell)
    if isinstance(cell, (list, dict)):
        raise UnfitError("not_text", "a list or an object, where text is expected")
    return msgspec.json.encode(cell, enc_hook=str).decode().strip('"')


_AS: Final[Mapping[str, Callable[[Reader], Transform]]] = {
    "minutes": minutes_by,
    "cents": lambda read: lambda cell: cents(read(cell)),
    "int": lambda read: lambda cell: whole(read(cell)),
    "decimal": lambda read: read,
    "bool": lambda _: boolean,
    "text": lambda _: lambda cell: cell if isinstance(cell, str) else text(cell),
    "lower": lambda _: lambda cell: text(cell).lower(),
    "upper": lambda _: lambda cell: text(cell).upper(),
}
"""What `as` says, to the maker of the transform, which is given the reader of numbers."""

_DEFAULTS: Final[Mapping[Kind, Transform]] = {
    Kind.BOOLEAN: boolean,
    Kind.NUMBER: lambda cell: float(number(cell)),
    Kind.DECIMAL: number,
}
"""The transform of a field's cells where the rule names none. The other kinds go to validation as they are."""


def _mapped(table: Mapping[str, Scalar] | None) -> Transform | None:
    """Return the step that looks a cell up in the rule's table: as written, then whatever the case."""
    if table is None:
        return None
    folded = {word.strip().casefold(): value for word, value in table.items()}
    exact = {word.strip(): value for word, value in table.items()}

    def find(cell: Any) -> Any:
        word = text(cell)
        found = exact[word] if word in exact else folded.get(word.casefold(), UNSET)
        if found is UNSET:
            near = close_to(word, table)
            hint = f"did you mean {listed(near, last='or')}? " if near else ""
            raise UnfitError("unknown_value", "not in the map", f"{hint}the map has {listed(list(table))}")
        # A value of "" or null says that the field is to be left out.
        return UNSET if found is None or found == "" else found

    return find


def _split(separator: str, each: Transform) -> Transform:
    """Return the step that makes a list of a cell; a JSON list is one already. Blank elements are dropped."""

    def split(cell: Any) -> list[Any] | Any:
        parts = cell.split(separator) if isinstance(cell, str) else cell if isinstance(cell, list) else [cell]
        stripped = [part.strip() if isinstance(part, str) else part for part in parts]
        found = [each(part) for part in stripped if part is not None and part != ""]
        return [item for item in found if item is not UNSET]

    return split
