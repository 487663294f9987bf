"""A rule of the mapping: where one field's value comes from, as an import file says it."""

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from headrace.errors import UsageError
from headrace.intake.suggestion import did_you_mean, listed

Scalar = str | int | float | bool | None

AS: Final = ("minutes", "cents", "bool", "int", "decimal", "text", "lower", "upper", "markdown", "html")
"""What `as` may say: a closed list, see `transforms`."""


class Rule(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"as_": "as", "from_": "from"},
):
    """How one field is filled.

    `column` is the source's column, by default the one of the field's name; `value` a constant instead of a column.
    Then, in this order: `split` makes a list of a cell, and what follows goes for every element; `map` is a table of
    values (one of "" leaves the field out); `as` is one of `AS`, `format` a date format (`%d.%m.%Y`) or an example of
    a number (`1.234,56`); `lookup` finds the id of a record of that resource `by` one of its names, `from` the id of
    the record that a load made of the row with that key. With `until`, a second column, it is the minutes from the
    time in `column` to the time in that one.

    `create_missing = true` has a record made of each name that a `lookup` finds none by, once, before the load begins;
    a table in its place has the record's other fields, by rules for the first row with that name.
    """

    column: str | None = None
    until: str | None = None
    value: Any | UnsetType = UNSET
    format: str | None = None
    as_: str | None = None
    map: dict[str, Scalar] | None = None
    split: str | None = None
    lookup: str | None = None
    by: str | None = None
    from_: str | None = None
    create_missing: "bool | dict[str, str | Rule]" = False

    def __post_init__(self) -> None:
        problem = next((says for says, holds in _CONFLICTS if holds(self)), None)
        if problem:
            raise ValueError(problem)
        if self.as_ is not None and self.as_ not in AS:
            raise ValueError(f"as = '{self.as_}' is unknown: {did_you_mean(self.as_, AS) or listed(AS, last='or')}")

    @property
    def creates_missing(self) -> bool:
        """Whether records are made of the names that lead to none."""
        return self.create_missing is not False

    @property
    def missing_fields(self) -> "dict[str, Rule]":
        """The rules for the other fields of these records, each with the column that it takes."""
        rules = read_rules(self.create_missing) if isinstance(self.create_missing, dict) else {}
        return {
            field: rule if rule.column is not None or rule.value is not UNSET else replace(rule, column=field)
            for field, rule in rules.items()
        }

    @property
    def load(self) -> str | None:
        """The title of the load whose rows are referred to; None where it is no load's."""
        return self.missing_load if self.creates_missing else self.from_

    @property
    def missing_load(self) -> str:
        """The title of the load that creates what its `lookup` does not find, where one does."""
        return missing_load(str(self.lookup), str(self.by))

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it names."""
        own = (name for name in (self.column, self.until) if name is not None)
        return frozenset(own).union(*(rule.columns for rule in self.missing_fields.values()))


def missing_load(resource: str, by: str) -> str:
    """Return the title of the load that creates the records of `resource` which are looked up `by` a name in vain."""
    return f"missing-{resource}-by-{by}"


_SPANS: Final = (None, "minutes")

_CONFLICTS: Final[tuple[tuple[str, Callable[[Rule], object]], ...]] = (
    ("give either column or value, not both", lambda rule: rule.column is not None and rule.value is not UNSET),
    (
        "until takes the minutes between two columns: beside column and format it goes with nothing else",
        lambda rule: (
            rule.until is not None
            and (
                rule.value is not UNSET or rule.map or rule.split or rule.lookup or rule.from_ or rule.as_ not in _SPANS
            )
        ),
    ),
    ("give either lookup or from, not both", lambda rule: rule.lookup is not None and rule.from_ is not None),
    ("lookup needs by, the name to look up by", lambda rule: rule.lookup is not None and rule.by is None),
    ("by goes with lookup", lambda rule: rule.by is not None and rule.lookup is None),
    ("'create_missing' goes with lookup", lambda rule: rule.creates_missing and rule.lookup is None),
    (
        "'create_missing' cannot stand within another: give a load of its own to what is missing there",
        lambda rule: any(one.creates_missing for one in rule.missing_fields.values()),
    ),
    (
        "a value of null refers to nothing: leave lookup and from out",
        lambda rule: rule.value is None and (rule.lookup is not None or rule.from_ is not None),
    ),
    ("split needs at least one character", lambda rule: rule.split == ""),
    ("an empty map maps nothing", lambda rule: rule.map == {}),
    (
        "a format goes with a date or a number, not with lookup or from",
        lambda rule: rule.format is not None and (rule.lookup or rule.from_),
    ),
    (
        "a lookup or from takes as = 'text', 'lower' or 'upper' only",
        lambda rule: (rule.lookup or rule.from_) and rule.as_ not in (None, "text", "lower", "upper"),
    ),
    (
        "a format goes with as = 'minutes', 'cents', 'int' or 'decimal' only",
        lambda rule: rule.format is not None and rule.as_ in ("bool", "text", "lower", "upper"),
    ),
)
"""What contradicts itself in a rule, and when."""


def read_rules(raw: MappingOf[str, Any] | None) -> dict[str, Rule]:
    """Return rules by field from what a caller wrote: a `Rule`, a column's name, or a table with a rule's keys.

    Raises `UsageError` naming the field.
    """
    return {field: _read(field, rule) for field, rule in (raw or {}).items()}


def _read(field: str, raw: Any) -> Rule:
    if isinstance(raw, Rule):
        return raw
    try:
        return Rule(column=raw) if isinstance(raw, str) else msgspec.convert(raw, Rule)
    except (msgspec.ValidationError, ValueError) as error:
        known = [known.encode_name for known in msgspec.structs.fields(Rule)]
        word = str(error).partition("unknown field `")[2].partition("`")[0]
        hint = (did_you_mean(word, known) or f"a rule has {listed(known)}") if word else None
        raise UsageError(f"the rule for '{field}': {error}", hint=hint) from None
