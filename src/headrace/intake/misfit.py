"""What msgspec says of a value that does not fit its field, in our words: a stable code, a sentence, a remedy."""

import re
from typing import Any, Final

from msgspec import Struct

from headrace.intake.dates import not_temporal
from headrace.intake.fields import TEMPORAL, Field, Kind
from headrace.intake.suggestion import close_to, listed, shown
from headrace.model import Fault


class Misfit(Struct, frozen=True):
    """Code, sentence and hint of one fault, still without its place."""

    code: str
    error: str
    hint: str | None = None

    def fault(self, field: str, column: str | None, value: Any) -> Fault:
        """Return the fault of `value`, as it was found in `column`, for `field`."""
        return Fault(code=self.code, error=self.error, field=field, column=column, value=shown(value), hint=self.hint)


_LIMITS: Final = (
    (re.compile(r"Expected `\w+` of length <= (\d+)"), "too_long", "too long", "at most {} characters"),
    (re.compile(r"Expected `\w+` of length >= (\d+)"), "too_short", "too short", "at least {} characters"),
    (re.compile(r"Expected `\w+` of length == (\d+)"), "wrong_length", "of the wrong length", "exactly {} characters"),
    (re.compile(r"Expected `\w+` >= (\S+)"), "out_of_range", "too small", "at least {}"),
    (re.compile(r"Expected `\w+` <= (\S+)"), "out_of_range", "too large", "at most {}"),
    (re.compile(r"Expected `\w+` > (\S+)"), "out_of_range", "too small", "more than {}"),
    (re.compile(r"Expected `\w+` < (\S+)"), "out_of_range", "too large", "less than {}"),
    (re.compile(r"Expected `\w+` that's a multiple of (\S+)"), "out_of_range", "not a multiple", "a multiple of {}"),
    (re.compile(r"Expected `str` matching regex (.+)"), "bad_format", "not of the expected form", "matching {}"),
    (re.compile(r"(?:Integer value|Number) out of range"), "out_of_range", "larger than any number may be", ""),
)
"""msgspec's message, code, sentence, hint."""

_KINDS: Final = {
    Kind.INTEGER: ("not_an_integer", "not a whole number"),
    Kind.NUMBER: ("not_a_number", "not a number"),
    Kind.DECIMAL: ("not_a_number", "not a number"),
    Kind.BOOLEAN: ("not_a_boolean", "neither yes nor no"),
    Kind.TEXT: ("not_text", "not text"),
    Kind.LIST: ("not_a_list", "not a list"),
    Kind.OBJECT: ("not_an_object", "not an object"),
    Kind.CHOICE: ("unknown_value", "not one of the values it may have"),
    Kind.ANY: ("invalid", "not valid"),
}


def misfit(field: Field, value: Any, message: str, reference: str | None = None) -> Misfit:
    """Return what is wrong with `value` for `field`, of which msgspec said `message`.

    `reference` names the resource of which the field holds an id.
    """
    said, _, place = message.partition(" - at `")
    for pattern, code, sentence, hint in _LIMITS:
        if found := pattern.match(said):
            limit = hint.format(*found.groups()) if hint else ""
            return Misfit(code, sentence, "; ".join(filter(None, (limit, field.description))) or None)
    # A place says that the fault is in an element, or deeper, and not in the value as a whole.
    kind = field.item if place else field.kind
    if kind in TEMPORAL:
        return Misfit(*not_temporal(str(value), kind))
    code, sentence = _KINDS[kind]
    if kind is Kind.ANY:
        sentence = said[:1].lower() + said[1:]
    return Misfit(code, sentence, _hint(field, kind, value, reference))


def _hint(field: Field, kind: Kind, value: Any, reference: str | None) -> str | None:
    """Return the remedy that the field and the value together suggest."""
    if kind is Kind.CHOICE:
        return _choices_hint(field, value)
    if reference is not None:
        return f'it takes the id of one of the {reference}; find it by name: lookup = "{reference}", by = ...'
    if kind is Kind.INTEGER:
        return _integer_hint(field)
    return _HINTS.get(kind)


_HINTS: Final = {
    Kind.LIST: 'say what separates the elements: split = ","',
    Kind.TEXT: 'numbers can be taken as text: as = "text"',
    Kind.BOOLEAN: "write true or false; or map the values",
}


def _integer_hint(field: Field) -> str:
    described = field.description or ""
    unit = next((unit for unit in ("minutes", "cents") if unit in described), None)
    return f'it counts {unit}: as = "{unit}" reads them' if unit else "write it with digits only"


def _choices_hint(field: Field, value: Any) -> str:
    choices = [str(choice) for choice in field.choices]
    near = close_to(str(value), choices) if any(isinstance(choice, str) for choice in field.choices) else ()
    meant = f"did you mean {listed(near, last='or')}? " if near else ""
    return f"{meant}it is one of {', '.join(choices)}" + (f" ({field.description})" if field.description else "")
