"""What several Time Magic resources share: ids of other records, which are UUIDs, and rules between fields."""

import datetime as dt
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from headrace.provider.table import REFERENCE, UUID

DOCS: Final = "https://time-app.purple-magic.com/docs/api"
"""The vendor's own pages. The vendor's skill (github.com/Purple-Magic/timemagic-skill) contradicts them in places."""

ProjectId: TypeAlias = Annotated[str, Meta(pattern=UUID, description="the project", extra={REFERENCE: "projects"})]
TaskId: TypeAlias = Annotated[str, Meta(pattern=UUID, description="the task", extra={REFERENCE: "tasks"})]
Name: TypeAlias = Annotated[str, Meta(min_length=1, description="name; not blank")]
Moment: TypeAlias = Annotated[dt.datetime, Meta(description="date and time")]
