"""Time entries: from when to when was worked on what."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import Ids, NaturalKey, Resource
from headrace.providers.timemagic.vocabulary import DOCS, Moment, TaskId


class TimeEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A time entry to create. What it is about is set at creation; an id that there is not is dropped unsaid."""

    begin_time: Annotated[Moment, Meta(description="when the work began")]
    end_time: Annotated[Moment, Meta(description="when it ended; without, it runs")] | UnsetType = UNSET
    comment: Annotated[str, Meta(description="what was done")] | UnsetType = UNSET
    resource_type: (
        Annotated[str, Meta(pattern="^[a-z_]+$", description="what was worked on, for example task")] | UnsetType
    ) = UNSET
    resource_id: Annotated[TaskId, Meta(description="id of what was worked on")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.resource_type is UNSET) != (self.resource_id is UNSET):
            missing = "resource_type" if self.resource_type is UNSET else "resource_id"
            raise ValueError(f"{missing}: resource_type and resource_id go together")
        begin, end = self.begin_time, self.end_time
        if end is not UNSET and (begin.tzinfo is None) == (end.tzinfo is None) and end < begin:
            raise ValueError("end_time: ends before it begins")


TIME_ENTRIES = Resource(
    name="time_entries",
    struct=TimeEntry,
    guarantee=NaturalKey(("begin_time", "end_time", "comment", "resource_id")),
    note="comment",
    doc=f"{DOCS}/time_entries",
    create_only=frozenset({"resource_type", "resource_id"}),
    ids=Ids.UUID,
    # begin_time and end_time as the vendor's skill has it; the pages say started_at and ended_at.
    renamable=frozenset({"begin_time", "end_time"}),
)
