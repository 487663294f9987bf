"""The preflight: whether records carry the marks of rows that this import, as far as its checkpoint knows, never sent.

Then another machine runs the same import, or its checkpoint was lost: to send them would be to double them
(RELIABILITY.md, rows 42 and 43). One question a load, before its first row is sent.
"""

from collections.abc import Sequence

from headrace.dispatch.journal import Journal
from headrace.dispatch.readback.marked import AT_ONCE
from headrace.dispatch.readback.matching import Likeness
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import Strategy
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import ChangedError
from headrace.model import Record


async def preflight(reader: Reader, how: Strategy, journal: Journal, resource: str, records: Sequence[Record]) -> None:
    """Ask about the first `records` of a load into `resource`, as many as fit into one question.

    Raises `ChangedError` where the provider holds one of them that no earlier load of the import has made, and what
    `Reader.ask` raises. What cannot be looked up is no reason to stop.
    """
    question = how.ask(records[:AT_ONCE], None)[0]
    items = await reader.ask(question)
    if isinstance(items, Unreadable):
        return
    asked = [records[place] for place in question.places]
    found = [str(item["id"]) for item in items if any(how.like(one, item) is Likeness.EXACT for one in asked)]
    await Wakeup().wait_done(journal.sync())
    held = journal.held(found, resource) if found else set()
    found = [identity for identity in found if identity not in held]
    if found:
        raise ChangedError(
            f"the provider holds records of this import that its checkpoint knows nothing of: {_named(found)}",
            hint="another machine runs it, or the checkpoint was lost: `headrace adopt` makes one from the marks",
        )


def _named(ids: Sequence[str]) -> str:
    first = ", ".join(ids[:3])
    return first if len(ids) <= 3 else f"{first} and {len(ids) - 3} more of the first {len(ids)}"
