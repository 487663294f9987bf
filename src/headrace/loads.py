"""Loads: `[[load]]` as Structs, and the loads that they imply: of what is missing among the records they refer to."""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, field
from msgspec.structs import replace

from headrace.intake.names import KEY, until
from headrace.intake.rule import Rule
from headrace.provider.guarantee import OFF

ROWS: Final = "rows"
"""The source of a load whose rows a program gave."""


class LoadSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One `[[load]]`: a source into a resource.

    `source` is relative to the import file. `key` names the columns that identify a row across edits of the source,
    and that other loads refer to by `from`. `fields` maps the resource's fields; equal names map themselves.
    `operation` is `create`, `update`, `delete`, an action of the resource, or `upsert`: then `by` names the fields by
    which a record that is there already is found. `batch_size` is how many rows a bulk request carries, where the
    command line does not say. `marker` says how a row whose answer was lost is known again: "off" adds nothing to the
    data, "note" a line to a text, any other is the name of a custom field, which `create_marker` has created where
    there is none.
    """

    resource: str
    source: str
    name: str = ""
    operation: str = "create"
    by: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    fields: dict[str, str | Rule] = field(default_factory=dict)
    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    path: str | None = None
    batch_size: Annotated[int, Meta(ge=1)] | None = None
    marker: str = OFF
    create_marker: bool = False

    @property
    def title(self) -> str:
        """What the load is called in reports, result files and `from`: its name, by default its resource."""
        return self.name or self.resource

    @property
    def parents(self) -> frozenset[str]:
        """The titles of the loads that its rows take ids from."""
        rules = (rule for rule in self.fields.values() if isinstance(rule, Rule))
        return frozenset(rule.load for rule in rules if rule.load is not None)


# --- what loads imply -------------------------------------------------------------------------------------------


class Need(Struct, frozen=True):
    """A field whose rule has records created where its names lead to none."""

    load: LoadSpec
    field: str

    @property
    def rule(self) -> Rule:
        """The rule."""
        found = self.load.fields[self.field]
        assert isinstance(found, Rule), "a column's name needs nothing"
        return found


class MissingSpec(LoadSpec, frozen=True, kw_only=True):
    """The load of all names by which rows refer to records of one resource, where `create_missing` asks for it.

    A row is a name; it stands for the record that has it, or else one is created. `looked_up` says by which of the
    resource's names, `needs` who refers to it, `after` which others create what its own fields look up. No import file
    holds one: `with_missing` makes it.
    """

    looked_up: str
    needs: tuple[Need, ...]
    after: frozenset[str] = frozenset()

    @property
    def parents(self) -> frozenset[str]:
        """See `LoadSpec`; and the titles of those that come before it."""
        return super().parents | self.after


def with_missing(loads: Sequence[LoadSpec]) -> list[LoadSpec]:
    """Return the loads, the implied ones just before the first that needs them."""
    needs: defaultdict[str, list[Need]] = defaultdict(list)
    for load in loads:
        for name, rule in load.fields.items():
            if isinstance(rule, Rule) and rule.creates_missing:
                needs[rule.missing_load].append(Need(load, name))
    implied = [_missing(title, its, needs.keys()) for title, its in needs.items()]
    return [one for load in loads for one in (*(each for each in implied if each.needs[0].load is load), load)]


def _missing(title: str, needs: Sequence[Need], titles: AbstractSet[str]) -> MissingSpec:
    rule = needs[0].rule
    return MissingSpec(
        name=title,
        resource=str(rule.lookup),
        source=", ".join(dict.fromkeys(need.load.source for need in needs)),
        key=(KEY,),
        fields=fields_of_names(rule),
        looked_up=str(rule.by),
        needs=tuple(needs),
        after=frozenset(one.missing_load for one in rule.missing_fields.values()) & titles,
    )


def fields_of_names(rule: Rule) -> dict[str, str | Rule]:
    """Return the rules for the columns that names have, whatever those of the rows with the names are called."""
    return {
        name: one
        if one.value is not UNSET
        else replace(one, column=name, until=None if one.until is None else until(name))
        for name, one in rule.missing_fields.items()
    }
