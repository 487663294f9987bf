"""Rejects: a load of an import on its way once more, from its reject file, as somebody has repaired it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from headrace.attaching import completion
from headrace.dispatch.halt import Halt
from headrace.feed import Load, first_of
from headrace.intake.references import Reference
from headrace.ledger import Checkpoint, RetryLedger
from headrace.ledger.rejects import Reject
from headrace.loads import LoadSpec
from headrace.model import Chunk, Row
from headrace.provider import Provider
from headrace.resolving import Naming
from headrace.sources import intake_of, resource_of


class RetryPassage:
    """The first `limit` rows of a load's reject file, as they are repaired; all where it is None.

    Mutable state: the ledger, from `begin` on.
    """

    def __init__(
        self, spec: LoadSpec, provider: Provider, *, attachments: str | Path | None, limit: int | None
    ) -> None:
        self.spec = spec
        self.title = spec.title
        complete = completion(resource_of(spec, provider), spec.operation, attachments)
        self.intake = intake_of(
            spec, provider, source=f"{spec.title}.rejects.csv", has_open_columns=False, complete=complete
        )
        self._limit = limit
        self._ledger: RetryLedger | None = None

    async def begin(self, checkpoint: Checkpoint, tables: Naming, halt: Halt) -> Load:
        """See `Passage`. Raises `SourceError` when the reject file cannot be understood."""
        del halt  # a reject file is short, and never blocks
        ledger = self._ledger = checkpoint.retry(self.title)
        rows: dict[int, Sequence[Row]] = {}
        self.intake = await tables.fitted(self.intake)
        return Load(
            resource=self.intake.resource,
            operation=self.spec.operation,
            intake=self.intake,
            chunks=first_of(_chunks(ledger, rows), self._limit),
            unsettled=lambda chunk: rows.pop(chunk.offset)[: len(chunk.rows)],
            journal=ledger,
            resolving=await tables.resolving(self.intake, self._names, self._corrected),
            batch_size=self.spec.batch_size,
            by=self.spec.by,
        )

    def finish(self, rows: int) -> "Future[None]":
        """See `Passage`."""
        del rows  # the source was not read: how many rows it has stays as it is
        assert self._ledger is not None, "finish comes after begin"
        return self._ledger.finish()

    def fraction(self) -> float | None:
        """See `Passage`."""
        return None

    def count(self, is_over: Callable[[], bool]) -> int | None:
        """See `Passage`."""
        del is_over  # what was repaired shows only when it is read
        return None

    def notices(self) -> Sequence[str]:
        """See `Passage`."""
        return () if self._ledger is None else self._ledger.notices

    @property
    def _corrected(self) -> Sequence[Reference]:
        """The lookups of names that may be others than the source has: they were corrected, to some that are there."""
        return [lookup for one in self.intake.references if (lookup := one.lookup) is not None]

    async def _names(self, field: str, most: int) -> set[str] | None:
        """Return the names that the rows have in a field (`resolving.Names`)."""
        assert self._ledger is not None, "names are asked for when it has begun"
        return await asyncio.to_thread(self.intake.names, _listed(self._ledger), field, most)


async def _chunks(ledger: RetryLedger, rows: dict[int, Sequence[Row]]) -> AsyncIterator[Chunk]:
    """Yield the rejects as chunks, and put the rows that they are, with their identity in the source, into `rows`."""
    offset = 0
    for found in ledger.rows():
        # A row that still has more cells than there are columns would lose some: it stays refused.
        some = [row for row in found if len(row.cells) <= len(ledger.columns)]
        # Where there is nothing to send there may be rows that a killed retry had sent, and that are looked up.
        rows[offset] = some
        yield _chunk(ledger, offset, some)
        offset += len(some)


def _listed(ledger: RetryLedger) -> Iterator[Chunk]:
    """Yield all that is in the reject file as chunks, to look at."""
    for found in ledger.listed():
        yield _chunk(ledger, 0, [one for one in found if len(one.cells) <= len(ledger.columns)])


def _chunk(ledger: RetryLedger, offset: int, rows: Sequence[Row | Reject]) -> Chunk:
    return Chunk(
        columns=ledger.columns,
        offset=offset,
        lines=[row.line for row in rows],
        rows=[list(row.cells) for row in rows],
    )
