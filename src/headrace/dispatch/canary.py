"""The canary: one row ahead of the others, read back and compared with what was sent before anything else is sent.

An option (`--canary`). It also times how long the record stays unseen, and looking up waits longer where that is long
(RELIABILITY.md 1.7).
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import anyio
from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.dispatch.parked import Quiet
from headrace.dispatch.readback.differing import differing, sent_fields
from headrace.dispatch.readback.matching import Item
from headrace.dispatch.readback.question import Question
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import Strategy
from headrace.dispatch.transport import Transport
from headrace.errors import HeadraceError, LostError, NotSentError, StoppedError
from headrace.model import Done, Lane, NotAttempted, Record, Rejected, Settled
from headrace.provider import Provider, Resource, references

LONGEST_PAUSE: Final = 30.0
"""Seconds between two looks at most."""
SHOWN: Final = 5
"""Fields that an error names."""

Look: TypeAlias = Callable[[Record, str], Awaitable[Item | None]]
"""Looks once for the record of a row, by its id; None where it is not seen."""


def question(how: Strategy, resource: Resource, record: Record) -> Question:
    """Return what asks for a row as a lost one would be asked for, with all its references."""
    (asked,) = how.ask([record], None)
    return replace(asked, include=[*references(resource.struct)])


def look(how: Strategy | None, resource: Resource, provider: Provider, transport: Transport) -> Look:
    """Return how the canary is looked for: as its guarantee has it, by its id where nothing can be searched for."""
    reader = Reader(transport, provider, resource)

    async def search(record: Record, identity: str) -> Item | None:
        assert how is not None, "chosen only then"
        items = await reader.ask(question(how, resource, record))
        if isinstance(items, Unreadable):
            return await read(record, identity)
        return next((item for item in items if str(item["id"]) == identity), None)

    async def read(record: Record, identity: str) -> Item | None:
        fields = [*sent_fields(record.value)]
        request = replace(provider.wire.record(provider, resource, identity, fields=fields), lane=Lane.READBACK)
        response = await transport.send(request)
        page = provider.wire.page(request, response.body) if response.status == 200 else None
        return page.items[0] if page is not None and page.items else None

    return read if how is None else search


class Canary:
    """Follows one row after it was sent. `where` is what errors call the source."""

    def __init__(self, look: Look, quiet: Quiet, halt: Halt, where: str) -> None:
        self._look = look
        self._quiet = quiet
        self._halt = halt
        self._where = where

    async def follow(self, record: Record, settled: Sequence[Settled]) -> None:
        """Look at what became of the row: done, it is read back and compared.

        Raises `StoppedError` where it was refused, got no answer, is not found, or is not what was sent.
        """
        match settled[0].outcome if settled else None:
            case Done(remote_id=identity):
                item = await self._sight(record, identity)
                if item is not None:
                    self._compare(record, identity, item)
            case Rejected(errors=errors):
                said = "; ".join(fault.error for fault in errors)
                raise self._stopped(record, f"was refused: {said}", "correct it or the mapping, and run it again")
            case NotAttempted():  # the run has ended already
                return
            case _:
                raise self._stopped(record, "got no answer", "run it again: the row is looked up, and not sent twice")

    async def _sight(self, record: Record, identity: str) -> Item | None:
        """Look until the record is seen; None where the run is halted meanwhile."""
        began, pause = get_running_loop().time(), 1.0
        most = self._quiet.commit + self._quiet.visible
        while not self._halt:
            item = await self._try(record, identity)
            waited = get_running_loop().time() - began
            if item is not None:
                self._quiet.learn(waited)
                return item
            if waited >= most:
                hint = "look at it there; a longer --settle-after waits longer"
                raise self._stopped(record, f"is not found after {waited:.0f} s (id {identity})", hint)
            with self._halt.scope():
                await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return None

    async def _try(self, record: Record, identity: str) -> Item | None:
        try:
            with self._halt.scope():
                return await self._look(record, identity)
        except (NotSentError, LostError) as error:
            raise self._stopped(record, f"cannot be read back: {error}", "run the same command again later") from None
        return None

    def _compare(self, record: Record, identity: str, item: Item) -> None:
        sent = sent_fields(record.value)
        different = differing(sent, item)
        if not different:
            return
        told = "; ".join(
            f"{name} was sent as {_shown(sent[name])} and is {_shown(item.get(name))}" for name in different[:SHOWN]
        )
        raise self._stopped(
            record,
            f"is not stored as it was sent (id {identity}): {told}",
            "nothing else was sent; correct the mapping, or leave --canary out where this is as it should be",
        )

    def _stopped(self, record: Record, what: str, hint: str) -> HeadraceError:
        return StoppedError(f"the canary row, {self._where} line {record.row.line}, {what}", hint=hint)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
