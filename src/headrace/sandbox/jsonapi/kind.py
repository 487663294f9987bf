"""The kind: one resource type of a JSON:API server as a value. Provider tables are made of these."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from headrace.sandbox.jsonapi.checks import Check
from headrace.sandbox.jsonapi.problems import BLANK, Fault
from headrace.sandbox.store import Record, Store


@dataclass(frozen=True, slots=True)
class To:
    """A relationship to records of `target`. `flat` is its name as an attribute; `<name>_id` if none is given.

    `also` are other names that the target's type goes by. `is_early` says that the server resolves it before it
    validates anything, and calls it invalid when it is missing.
    """

    target: str
    flat: str | None = None
    also: tuple[str, ...] = ()
    is_many: bool = False
    is_early: bool = False


@dataclass(slots=True)
class Draft:
    """A record as a request wants it: values that passed their checks, and the faults of the others.

    On an update it holds only what changes, and `before` is the record as it is.
    """

    attributes: dict[str, Any]
    links: dict[str, Any]
    before: Record | None = None
    faults: list[Fault] = field(default_factory=list)

    def value(self, name: str) -> Any:
        """Return an attribute as it will be, None if it has no value."""
        held = self.before.attributes if self.before else {}
        return self.attributes.get(name, held.get(name))

    def link(self, name: str) -> Any:
        """Return a relationship as it will be, None if it points nowhere."""
        held = self.before.links if self.before else {}
        return self.links.get(name, held.get(name))


Rule: TypeAlias = Callable[[Draft, Store], Iterable[tuple[str, str]]]
"""A condition on several fields: yields (field, detail) for what is wrong.

A draft holds only values that are right by themselves, so that a rule need not look at their types.
"""

Completion: TypeAlias = Callable[[Draft, Store], None]
"""What the server fills in when a record is created: numbers, defaults that depend on other records."""


Reaction: TypeAlias = Callable[[Draft, Record, Store], None]
"""What happens to other records when one was created or changed as a draft has it."""


@dataclass(frozen=True)
class Kind:
    """One resource type.

    `attributes` and `relations` can be written. `defaults` is what a record shows for attributes that it was not
    given, also for those that only the server sets; `unseen` are attributes that are accepted and never shown.
    `required` lists fields in the order in which the server complains. `filters` and `sorts` are the names that lists
    accept; `aliases` leads filter names to fields, `special` to functions of a record, and `hides` says which records
    a list leaves out unless the filter of the given name is set. `text` is what `query` looks into. `bulk` names the
    operations that take many records, `lacks` those that there are not for one; `fixed` are the fields that an update
    silently ignores. `also` are other names of the type, `synonyms` other names of relationships. `once` is what
    only the answer to a create shows beside the record, which nobody sees before something refers to it where it
    `is_hidden`.
    """

    type: str
    attributes: Mapping[str, Check]
    relations: Mapping[str, To] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    stamps: tuple[str, ...] = ("created_at", "updated_at")
    filters: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    special: Mapping[str, Callable[[Record], Any]] = field(default_factory=dict)
    sorts: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    bulk: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    completions: tuple[Completion, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    once: Callable[[Record], Mapping[str, Any]] | None = None
    is_hidden: bool = False
    hides: tuple[str, Callable[[Record], bool]] | None = None
    also: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def flat(self) -> dict[str, str]:
        """Names under which relationships can be given as attributes, and the relationships."""
        own = {to.flat or f"{name}_id": name for name, to in self.relations.items()}
        return own | {f"{name}_id": relation for name, relation in self.synonyms.items()}

    @cached_property
    def pointers(self) -> dict[str, str]:
        """Names under which relationships can be given as such, and the relationships."""
        return {name: name for name in self.relations} | dict(self.synonyms)

    @cached_property
    def template(self) -> dict[str, Any]:
        """The attributes of a record that was given none."""
        return {**dict.fromkeys(name for name in self.attributes if name not in self.unseen), **self.defaults}

    @cached_property
    def writable(self) -> frozenset[str]:
        """All names that a request may carry."""
        return frozenset(self.attributes) | frozenset(self.pointers) | frozenset(self.flat)


def words(text: str) -> tuple[str, ...]:
    """Return the words of `text`: tables of names read better without quotes."""
    return tuple(text.split())


def exactly_one_of(*names: str) -> Rule:
    """Return the rule that one of these relationships is given, and not two."""

    def rule(draft: Draft, _: Store) -> Iterable[tuple[str, str]]:
        given = [name for name in names if draft.link(name) is not None]
        if not given:
            yield names[0], BLANK
        if len(given) > 1:
            yield given[1], "must be blank"

    return rule
