"""Time Magic (https://time-app.purple-magic.com) as a table: credentials, limits and resources of its API.

The vendor's pages and its own skill contradict each other: wrapped or bare records, `id` or `uuid`, 200 or 201 for a
create, 204 or `{"status": "deleted"}` for a delete, `begin_time` or `started_at`. Answers are read in every form.
"""

from typing import Final

from msgspec.structs import replace

from headrace.provider import DEFAULT_VERDICTS, Auth, Limit, Provider, Verdict
from headrace.provider.plain_json import Envelope, Pages, PlainJson
from headrace.providers.timemagic.resources import RESOURCES
from headrace.providers.timemagic.vocabulary import DOCS

_WHOLE: Final = Pages(lists=(), number=None, size=None, sort=None, order=None)
"""Lists come whole: there are no pages, no filters and no order."""

_RECORD: Final = Envelope(wraps=(), ids=("uuid", "id"), update="PUT", pages=_WHOLE)

_WIRE: Final = PlainJson(
    replace(_RECORD, root="project"),
    {
        "tasks": replace(_RECORD, root="task", member="/tasks", also={"project_id": ("project_uuid",)}),
        "time_entries": replace(
            _RECORD,
            root="time_entry",
            also={"begin_time": ("started_at",), "end_time": ("ended_at",)},
            lowered=("resource_type",),  # the vendor's skill: lower-case on write, with a capital on read
        ),
    },
)

TIME_MAGIC: Final = Provider(
    name="timemagic",
    base_url="https://time-app.purple-magic.com/api",
    hosts=frozenset({"time-app.purple-magic.com"}),
    auth=Auth(headers={"Authorization": "Bearer {token}"}),
    wire=_WIRE,
    # Of all methods together, per user; a 429 does not say when to come back.
    limits=(Limit(calls=5, per=60.0, scope="user"),),
    resources=RESOURCES,
    # 402: reading needs a subscription, writing does not. So it does not end a run that only writes.
    verdicts={**DEFAULT_VERDICTS, 402: Verdict.FORBIDDEN},
    doc=DOCS,
)
