"""Bezala (https://app.bezala.com) as a table: credentials, limits and resources of its API.

The vendor names no rate limit ("sustained high call volume" is answered with 429): 60 a minute is our default, which
the import file may correct. Every endpoint lists in its own way.
"""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from headrace.provider import Auth, Limit, Provider, Setting, SignIn
from headrace.provider.plain_json import Envelope, Pages, PlainJson
from headrace.providers.bezala.resources import RESOURCES
from headrace.providers.bezala.vocabulary import DOCS

_COUNTED: Final = Pages(lists=("collection",), counts="pagination")
_ENTRIES: Final = replace(_COUNTED, ranges={"date": ("start_date", "end_date")})

_WIRE: Final = PlainJson(
    # Cost centers come as a bare list without counts, up to 1000 a page; the others are counted, 50 by default.
    Envelope(root="cost_center", pages=Pages(lists=(), sort=None, order=None)),
    {
        "tasks": Envelope(root="task", pages=_COUNTED),
        "time_entries": Envelope(root="time_entry", pages=_ENTRIES),
    },
)


def _limits(calls: int) -> tuple[Limit, ...]:
    return (Limit(calls=calls, per=60.0, scope="user"),)


BEZALA: Final = Provider(
    name="bezala",
    base_url="https://app.bezala.com/api",
    hosts=frozenset({"app.bezala.com"}),
    # help.bezala.com, "authentication": a token is a user's, long-lived, and got for e-mail and password
    auth=Auth(
        headers={"Authorization": "Bearer {token}"},
        sign_in=SignIn(path="/auth/token", token=("token", "auth_token", "access_token")),
    ),
    wire=_WIRE,
    limits=_limits(60),
    max_page_size=50,
    resources=RESOURCES,
    doc=f"{DOCS}tasks.html",
    settings=(
        Setting(
            name="requests_per_minute",
            type=Annotated[int, Meta(ge=1, le=6000)],
            default=60,
            description="requests a minute that the account is allowed",
            apply=lambda provider, calls: replace(provider, limits=_limits(calls)),
        ),
    ),
)
