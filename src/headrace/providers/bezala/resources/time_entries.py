"""Time entries: who worked how long on which task."""

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource, StoredMarker
from headrace.providers.bezala.vocabulary import DOCS, ExternalId, Minutes, TaskId


class TimeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A time entry to create.

    The page lists what an entry has, not what a create takes; required is what the vendor's own form wants.
    """

    task_id: TaskId
    date: Annotated[dt.date, Meta(description="day of the work")]
    description: Annotated[str, Meta(min_length=1, description="what was done; not blank")]
    minutes: Annotated[int, Meta(gt=0, le=1440, description="minutes worked")]
    billable_minutes: Annotated[Minutes, Meta(description="minutes to bill")] | UnsetType = UNSET
    start_time: Annotated[dt.datetime, Meta(description="when the work began")] | UnsetType = UNSET
    entry_type: Annotated[str, Meta(description="kind of entry, as the account has it")] | UnsetType = UNSET
    user_id: Annotated[int, Meta(ge=1, description="id of who worked; by default the token's user")] | UnsetType = UNSET
    external_id: ExternalId | UnsetType = UNSET


TIME_ENTRIES = Resource(
    name="time_entries",
    struct=TimeEntry,
    guarantee=StoredMarker(
        "external_id",
        otherwise=NaturalKey(("task_id", "date", "description", "minutes", "user_id", "external_id")),
    ),
    note="description",
    doc=f"{DOCS}time_entries.html",
    filters=frozenset({"date", "q"}),
    renamable=frozenset(TimeEntry.__struct_fields__),
)
