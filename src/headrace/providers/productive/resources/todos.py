"""Todos: lines of the checklist of a task or deal."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.rules import exactly_one
from headrace.providers.productive.vocabulary import DOCS, Day, DealId, Name, PersonId, Position, TaskId


class Todo(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A todo to create, on a task or on a deal."""

    description: Annotated[Name, Meta(description="what is to be done; not blank")]
    task_id: TaskId | UnsetType = UNSET
    deal_id: DealId | UnsetType = UNSET
    assignee_id: Annotated[PersonId, Meta(description="who is to do it")] | UnsetType = UNSET
    due_date: Annotated[Day, Meta(description="day it is due")] | UnsetType = UNSET
    closed: Annotated[bool, Meta(description="whether it is done")] | UnsetType = UNSET
    position: Position | UnsetType = UNSET

    def __post_init__(self) -> None:
        exactly_one(self, "task_id", "deal_id")


TODOS = Resource(
    name="todos",
    struct=Todo,
    guarantee=NaturalKey(("description", "task_id", "deal_id")),
    note="description",
    doc=f"{DOCS}todos",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"task_id", "deal_id"}),
)
