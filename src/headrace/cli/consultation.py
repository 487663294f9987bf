"""The consultation: an account examined, and what was found told for people or for machines."""

from collections.abc import Iterator
from typing import Any, Final

import anyio
import msgspec
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.choices import Access, Pace, Talk
from headrace.cli.destination import Destination, client_of
from headrace.cli.screen import aligned, plain, show
from headrace.client import Client
from headrace.examination import Diagnosis, State
from headrace.naming import provider_named

_STYLES: Final = {State.FINE: "green", State.NOTE: "cyan", State.WARNING: "yellow"}


def consult(name: str, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Examine the account, print what was found, and return 0 or 3. Raises what a run raises before it begins."""
    where = Destination.of(provider_named(name), access, None)
    client = client_of(where, access, pace)
    if not talk.quiet:
        terminal.say(f"looking at {where}; nothing is written")
    found = anyio.run(_examine, client)
    if talk.json:
        terminal.emit(_facts(found))
    else:
        show(*_lines(found))
    return found.exit_code


async def _examine(client: Client) -> Diagnosis:
    async with client:
        return await client.examine()


def _facts(found: Diagnosis) -> Any:
    facts: dict[str, Any] = msgspec.to_builtins(found)
    return facts | {"healthy": found.exit_code == 0}


def _lines(found: Diagnosis) -> Iterator[Text]:
    yield plain(f"{found.provider}, organization {found.organization or 'of the token'}", "bold")
    rows: list[list[Text | str]] = [
        [one.check, plain(one.state.value, _STYLES[one.state]), one.detail] for one in found.findings
    ]
    yield from aligned(rows)
    for one in found.findings:
        if one.hint is not None:
            yield plain(f"{one.check}: {one.hint}", "dim")
    spent = [f"{use.used:,} of {use.name}" for use in found.windows]
    spent += [f"{use.used:.0f} s of {use.name}" for use in found.work]
    yield plain(f"spent of the budget, by all who keep it together: {', '.join(spent) or 'there are no limits'}")
