"""Bookings: planned work on a service, or planned absence."""

from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.rules import exactly_one, one_of
from headrace.providers.productive.vocabulary import (
    DOCS,
    CustomFields,
    Day,
    EventId,
    Minutes,
    PersonId,
    ServiceId,
    TaskId,
)

AMOUNTS: Final = {1: ("time",), 2: ("percentage",), 3: ("total_time", "time")}
"""By booking method, the fields of which one says how much is booked."""


class Booking(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A booking to create: of a service (work) or of an event (absence), never of both."""

    person_id: Annotated[PersonId, Meta(description="who is booked")]
    started_on: Annotated[Day, Meta(description="first day")]
    ended_on: Annotated[Day, Meta(description="last day")]
    service_id: Annotated[ServiceId, Meta(description="the service to work on")] | UnsetType = UNSET
    event_id: EventId | UnsetType = UNSET
    task_id: Annotated[TaskId, Meta(description="the task to work on")] | UnsetType = UNSET
    booking_method_id: (
        Annotated[
            Literal[1, 2, 3],
            Meta(description="1 per day (needs time), 2 percentage (needs percentage), 3 total (needs total_time)"),
        ]
        | UnsetType
    ) = UNSET
    time: Annotated[Minutes, Meta(description="minutes a day")] | UnsetType = UNSET
    percentage: Annotated[int, Meta(ge=0, description="percent of the person's hours")] | UnsetType = UNSET
    total_time: Annotated[Minutes, Meta(description="minutes in all, spread over the days")] | UnsetType = UNSET
    note: Annotated[str, Meta(description="note")] | UnsetType = UNSET
    draft: Annotated[bool, Meta(description="whether it is tentative")] | UnsetType = UNSET
    approver_id: Annotated[PersonId, Meta(description="who approves the absence")] | UnsetType = UNSET
    autotracking: Annotated[bool, Meta(description="whether time entries are made from it every day")] | UnsetType = (
        UNSET
    )
    custom_fields: CustomFields | UnsetType = UNSET

    def __post_init__(self) -> None:
        exactly_one(self, "service_id", "event_id")
        if self.ended_on < self.started_on:
            raise ValueError(f"ended_on: before started_on, {self.started_on}")
        if self.booking_method_id is not UNSET:
            amounts = AMOUNTS[self.booking_method_id]
            one_of(self, *amounts, because=f"where booking_method_id is {self.booking_method_id}")


BOOKINGS = Resource(
    name="bookings",
    struct=Booking,
    guarantee=NaturalKey(("person_id", "service_id", "event_id", "task_id", "started_on", "ended_on", "note")),
    note="note",
    customizable="bookings",
    doc=f"{DOCS}bookings",
    bulk=Bulk(operations=frozenset({"create", "update", "delete"})),
    filters=frozenset({"person_id", "started_on", "ended_on", "task_id", "event_id", "note"}),
    # https://developer.productive.io/guides/filtering: lists hide drafts, also from who looks for a lost one.
    whole=MappingProxyType({"with_draft": True}),
)
