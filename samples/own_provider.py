"""A provider of your own: an API that headrace does not ship, as a value, and an import into it.

To have it on the command line as well (`headrace run cards.csv --to kanban:cards`), install a package that names it:

    [project.entry-points."headrace.providers"]
    kanban = "own_provider:KANBAN"
"""

import asyncio
import datetime as dt
import os
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

import headrace
from headrace.provider import Auth, Limit, NaturalKey, Provider, Resource
from headrace.provider.plain_json import Envelope, PlainJson


class Card(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A card to create; what a row must have, and what each field means."""

    title: Annotated[str, Meta(min_length=1, description="what is to be done")]
    points: Annotated[int, Meta(ge=0, le=100, description="how much work it is")] | UnsetType = UNSET
    due: Annotated[dt.date, Meta(description="day by which it is to be done")] | UnsetType = UNSET


KANBAN = Provider(
    name="kanban",
    base_url="https://api.kanban.example/v2",
    hosts=frozenset({"api.kanban.example"}),
    auth=Auth(headers={"Authorization": "Bearer {token}"}),
    wire=PlainJson(Envelope(root="card", update="PATCH")),  # {"card": {"title": ...}}; lists in {"data": [...]}
    limits=(Limit(calls=20, per=10.0, scope="token"),),
    resources=(
        Resource(
            name="cards",
            struct=Card,
            guarantee=NaturalKey(("title", "points", "due")),  # by what a row is found again whose answer was lost
            lookups={"title": ("title",)},
            doc="https://kanban.example/docs/cards",
        ),
    ),
    doc="https://kanban.example/docs",
)


async def main() -> None:
    """Import two cards; run again, it finds them done."""
    token, base_url = os.environ["HEADRACE_KANBAN_TOKEN"], os.environ.get("HEADRACE_KANBAN_BASE_URL")
    async with headrace.Client(KANBAN, token=token, base_url=base_url) as client:
        rows = [{"title": "Sharpen the saw", "points": 3}, {"title": "Plant a tree", "due": "2026-04-01"}]
        async for outcome in client.load("cards", rows, checkpoint="cards.headrace"):
            print(outcome)


if __name__ == "__main__":
    asyncio.run(main())
