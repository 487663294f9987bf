"""Verifying on the command line: what was found, for people and for machines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.choices import Access, Pace, Talk
from headrace.cli.outset import Outset
from headrace.cli.screen import aligned, plain, show
from headrace.cli.text import clock, count, shortened
from headrace.client import Client
from headrace.provider import SOMETHING
from headrace.verified import Difference, Place, Verified

_SHOWN: Final = 20
"""Differences that are printed for people; --json has up to a thousand."""
_COLUMNS: Final = ("checked", "differing", "missing", "changed")


def compare(checkpoint: Path, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Verify the import of a checkpoint and return the exit code. Raises what reading, credentials and client raise."""
    _, _, where, client = Outset.of_checkpoint(checkpoint, access, pace)
    if not talk.quiet:
        terminal.say(f"reading back from {where}")
    found = anyio.run(_verify, client, checkpoint)
    if talk.json:
        terminal.emit(_facts(found))
    else:
        show(*_lines(found))
    for notice in () if talk.quiet else found.notices:
        terminal.say(f"note: {notice}")
    return found.exit_code


async def _verify(client: Client, checkpoint: Path) -> Verified:
    async with client:
        return await client.verify(checkpoint)


def _facts(found: Verified) -> Any:
    facts: dict[str, Any] = msgspec.to_builtins(found, enc_hook=str)
    del facts["notices"]
    if not found.changed_rows:
        del facts["changed_rows"]
    return facts


def _lines(found: Verified) -> Iterator[Text]:
    spent = f"{count(found.requests, 'request')} in {clock(found.seconds)}"
    yield plain(f"{found.import_name} in {found.provider}: {spent}", "bold")
    rows: list[list[Text | str]] = [
        [one.name, *(f"{getattr(one, name):,}" for name in _COLUMNS)] for one in found.loads
    ]
    yield from aligned([["", *_COLUMNS], *rows], right=frozenset(range(1, 1 + len(_COLUMNS))))
    for one in found.differences[:_SHOWN]:
        yield plain(_difference(one))
    total = found.differing + found.missing
    if total > _SHOWN:
        yield plain(f"and more, of {count(total, 'record')} in all; --json has up to a thousand")
    for row in found.changed_rows[:_SHOWN]:
        yield plain(_changed(row), "dim")
    if found.changed:
        yield plain(
            f"{count(found.changed, 'row')} say something else now than what was sent, and are not compared", "dim"
        )
    for month in found.minutes:
        if month.found < month.sent:
            told = f"{month.sent:,} minutes were sent, the report has {month.found:,}"
            whose = (("person", month.person), ("project", month.project))
            of = ", ".join(f"{word} {one or 'none'}" for word, one in whose if one is not None)
            yield plain(f"{month.month}, {of}: {told}")
    yield plain(
        "everything that is done is as it was sent" if not found.exit_code else "not everything is as it was sent",
        "bold",
    )


def _changed(row: Place) -> str:
    return f"{_where(row)} says something else now" if row.line else f"{_where(row)} is of a row that is not there now"


def _where(row: Place) -> str:
    return ":".join(map(str, filter(None, (row.file, row.line)))) + f": {row.load} {row.id}"


def _difference(one: Difference) -> str:
    where = _where(one)
    if one.field is None:
        return f"{where} is not there"
    if one.field == "id":
        return f"{where} is there still, and was deleted"
    if one.sent == SOMETHING:
        return f"{where}: {one.field} has no value, and was given one"
    return f"{where}: {one.field} is {shortened(one.found)!r}, and {shortened(one.sent)!r} was sent"
