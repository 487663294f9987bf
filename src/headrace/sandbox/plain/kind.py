"""The kind: one resource of a plain-JSON server as a value, and the manners of its API. Tables are made of these."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from headrace.sandbox.api import Context
from headrace.sandbox.jsonapi.checks import Check
from headrace.sandbox.message import Call, Reply
from headrace.sandbox.store import Record

Shown: TypeAlias = dict[str, Any]
"""A record as the API shows it."""


class RefusalError(Exception):
    """A request that is answered with an error instead of being executed."""

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(status, document)
        self.status = status
        self.document = document


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a request."""

    field: str
    detail: str


@dataclass(slots=True)
class Draft:
    """A record as a request wants it: on an update what changes, with `before` as it is."""

    attributes: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)
    before: Record | None = None
    faults: list[Fault] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """Return a field as it will be, None if it has no value."""
        held = {**self.before.attributes, **self.before.links} if self.before else {}
        return {**held, **self.attributes, **self.links}.get(name)


Rule: TypeAlias = Callable[[Draft], Iterable[Fault]]
"""A condition on several fields. A draft holds only values that are right by themselves."""
Test: TypeAlias = Callable[[Record, str], bool]
"""Whether a filter of this text lets a record pass. Raises ValueError for a text that makes no sense."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource.

    `type` is its path and its type in the store, `root` what a single one is called. `attributes` and `links` (to the
    type that they lead to) can be written; `required` of a create, `always` of an update too, in the order in which the
    server complains. `aliases` are other names that a request may use. `defaults` is shown for what was not given,
    `fixed` is ignored by an update, `dropped` are links that are forgotten where they lead nowhere. `filters` are the
    parameters of a list, `under` the link that a path names (`/projects/1/tasks`), `owns` the types, with their links,
    that are deleted along.
    """

    type: str
    root: str
    attributes: Mapping[str, Check]
    links: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    filters: Mapping[str, Test] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    under: str | None = None
    owns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How one API does what all do.

    `identify` makes the id that is shown of a type and number, `number` goes back (0 where it is no id). `unwrap` takes
    the record out of a request, None where it is not there. `one` puts a record into an answer, `many` the records that
    pass the filters, page by page; `look` adds to, or changes, what is shown of a record. `invalid` refuses faults,
    `missing` what there is not, `unreadable` what is no JSON. `gone` is the answer to a delete, `created` the status of
    a create. `updates` are the methods that change a record.
    """

    identify: Callable[[str, int], Any]
    number: Callable[[str, Any], int]
    unwrap: Callable[[Kind, dict[str, Any]], dict[str, Any] | None]
    one: Callable[[Kind, Shown, Context], Any]
    many: Callable[[Call, Kind, list[Shown], Context], Any]
    look: Callable[[Kind, Record, Shown, Context], Shown]
    invalid: Callable[[list[Fault]], RefusalError]
    missing: Callable[[], RefusalError]
    unreadable: Callable[[], RefusalError]
    gone: Callable[[Context], Reply]
    created: Callable[[Context], int]
    updates: frozenset[str]
