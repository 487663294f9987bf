"""Loads: `[[load]]` as Structs."""

from typing import Annotated, Final

from msgspec import Meta, Struct, field

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
        return frozenset(rule.from_ for rule in rules if rule.from_ is not None)
