"""Timesheets: a person's day, handed in."""

from typing import Annotated

from msgspec import Meta, Struct

from headrace.provider import Bulk, NaturalKey, Resource
from headrace.providers.productive.vocabulary import DOCS, Day, PersonId


class Timesheet(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A timesheet to create."""

    date: Annotated[Day, Meta(description="day that is handed in")]
    person_id: Annotated[PersonId, Meta(description="whose day it is")]


TIMESHEETS = Resource(
    name="timesheets",
    writes=frozenset({"create", "delete"}),  # those of the specification
    struct=Timesheet,
    guarantee=NaturalKey(("date", "person_id")),
    doc=f"{DOCS}timesheets",
    # "Create Timesheets in Bulk" is the vendor's; of bulk changes and deletions no page speaks.
    bulk=Bulk(operations=frozenset({"create"})),
    filters=frozenset({"date", "person_id"}),
)
