"""A passage: one load of an import on its way from its source; `rejects` has those that go from their reject file.

What can be prepared without the network is prepared before anything is sent; the rest when the load's turn comes.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from headrace.dispatch.halt import Halt
from headrace.errors import UsageError
from headrace.feed import AnySource, LiveSource, Load, first_of, read_source
from headrace.intake import Intake
from headrace.intake.first import first_rows
from headrace.intake.names import Names
from headrace.intake.source import Source
from headrace.ledger import Checkpoint, LoadLedger
from headrace.loads import LoadSpec, MissingSpec
from headrace.provider import Provider
from headrace.resolving import Naming
from headrace.sources import check_replayable, count_rows, intake_over, open_of


class Passage(Protocol):
    """One load. `begin` comes first, `finish` last."""

    @property
    def title(self) -> str:
        """What the load is called."""

    @property
    def spec(self) -> LoadSpec:
        """The load as the import file has it."""

    @property
    def intake(self) -> Intake:
        """What makes records of its rows."""

    async def begin(self, checkpoint: Checkpoint, tables: Naming, halt: Halt) -> Load:
        """Open the load's ledger, read the names that its rows refer to, and return what is needed to run it."""

    def finish(self, rows: int) -> "Future[None]":
        """End the pass, of which `rows` rows were read; the future comes when that is durable."""

    def fraction(self) -> float | None:
        """Return which part of the source has been read, None where that is unknown."""

    def count(self, is_over: Callable[[], bool]) -> int | None:
        """Return how many rows the source has, None where nobody can say; for a thread of its own.

        Ends early, without an answer, when `is_over`.
        """

    def notices(self) -> Sequence[str]:
        """Return what the user should know about how the load was found."""


class SourcePassage:
    """A load from the first `limit` rows of its source, which `reopen` opens once more where that can be done.

    Made by `prepare`. Mutable state: the ledger, from `begin` on.
    """

    def __init__(
        self,
        spec: LoadSpec,
        source: AnySource,
        intake: Intake,
        *,
        reopen: Callable[[], Source] | None,
        accept_mapping_change: bool,
        limit: int | None,
    ) -> None:
        self.spec = spec
        self._reopen = reopen
        self.title = spec.title
        self.intake = intake
        self._source = source
        self._accept_mapping_change = accept_mapping_change
        self._limit = limit
        self._ledger: LoadLedger | None = None
        self._found: list[str] = []
        self._is_read = False

    async def begin(self, checkpoint: Checkpoint, tables: Naming, halt: Halt) -> Load:
        """See `Passage`. Raises `ChangedError` when the source or the mapping is not the checkpoint's."""
        ledger = self._ledger = checkpoint.load(
            name=self.title,
            resource=self.spec.resource,
            operation=self.spec.operation,
            definition=msgspec.json.encode(self.spec),
            mapping_digest=self.intake.digest,
            fingerprint=await asyncio.get_running_loop().run_in_executor(None, self._source.fingerprint),
            has_key_columns=bool(self.spec.key),
            accept_mapping_change=self._accept_mapping_change,
        )
        if ledger.must_recognise:
            ledger.recognise(self._keys())
        self.intake = await tables.fitted(self.intake)
        return Load(
            resource=self.intake.resource,
            operation=self.spec.operation,
            intake=self.intake,
            chunks=first_of(read_source(self._source, halt), self._limit),
            unsettled=lambda chunk: ledger.unsettled(self.intake.rows(chunk), chunk.columns),
            journal=ledger,
            resolving=await tables.resolving(self.intake, self._names),
            counts_rest=self._source.is_replayable,
            batch_size=self.spec.batch_size,
            by=self.spec.by,
            has_sent=ledger.has_sent,
        )

    def finish(self, rows: int) -> "Future[None]":
        """See `Passage`."""
        assert self._ledger is not None, "finish comes after begin"
        # A short source is in memory to its end long before its last row; behind a limit there may be more.
        self._is_read = self._source.fraction() in {None, 1.0} and (self._limit is None or rows < self._limit)
        return self._ledger.finish(rows)

    def fraction(self) -> float | None:
        """See `Passage`."""
        return self._source.fraction()

    def count(self, is_over: Callable[[], bool]) -> int | None:
        """See `Passage`."""
        if self._reopen is None or not self._source.is_replayable:
            return None
        return count_rows(self._reopen, self._limit, is_over)

    def notices(self) -> Sequence[str]:
        """See `Passage`."""
        found = [*self._found, *self.intake.idle()]
        return found if self._ledger is None else [*found, *self._ledger.notices, *self._vanished(self._ledger)]

    def _vanished(self, ledger: LoadLedger) -> Sequence[str]:
        """Return what to say of rows that were sent and that a source read to its end does not hold any more."""
        if not ledger.vanished or not self._is_read:
            return ()
        gone = f"{self.title}: {ledger.vanished} rows that were sent without an answer are not in the source any more"
        return (f"{gone}; they stay in doubt until they are back, or `headrace resolve` says what became of them",)

    def check(self) -> None:
        """Compile the mapping for the first rows of a source that can be read again.

        Raises `SourceError` or `UsageError` with place and remedy for everything wrong with it as a whole.
        """
        if isinstance(self._source, LiveSource) or not self._source.is_replayable:
            return
        chunk = next(self._source.chunks(), None)
        if chunk is None and not isinstance(self.spec, MissingSpec):
            self._found.append(f"{self._source.name} holds no rows")
        elif chunk is not None:
            self.intake.rows(chunk)

    async def _names(self, field: str, most: int) -> set[str] | None:
        """Return the names that the rows have in a field (`resolving.Names`), None of a source that is read once."""
        if isinstance(self._source, LiveSource) or not self._source.is_replayable:
            return None
        if isinstance(self._source, Names):
            return await asyncio.to_thread(self._source.spellings, most)
        return await asyncio.to_thread(self.intake.names, first_rows(self._source.chunks(), self._limit), field, most)

    def _keys(self) -> Iterator[bytes]:
        """Yield the keys of the source's rows, for the ledger to recognise it by; none where it can be read once.

        Nor of names: those who have them are recognised, and may have other ones by now.
        """
        if isinstance(self._source, LiveSource) or not self._source.is_replayable:
            return
        if isinstance(self.spec, MissingSpec):
            return
        for chunk in self._source.chunks():
            yield from (row.key for row in self.intake.rows(chunk))


def prepare(
    spec: LoadSpec,
    provider: Provider,
    resources: ExitStack,
    *,
    source: AnySource | None = None,
    accept_mapping_change: bool = False,
    attachments: str | Path | None = None,
    limit: int | None = None,
) -> SourcePassage:
    """Open the source of a checked load, or take `source`, and compile its mapping; `resources` closes it.

    `attachments` is the folder of the files that rows name; of the source the first `limit` rows go, None for all.

    Raises what `SourcePassage.check` raises.
    """
    if isinstance(spec, MissingSpec) and source is not None:
        check_replayable(source, spec.needs[0].load)
        source = None  # names are read apart from the rows that have them
    reopen = partial(open_of, spec, provider, limit)
    opened = source or reopen()
    resources.callback(opened.close)
    if spec.title in spec.parents and not opened.is_replayable:
        raise UsageError(
            f"rows of {spec.title} refer to rows of the same source, which can be read only once",
            hint="save it to a file first: rows that wait for others are read again",
        )
    passage = SourcePassage(
        spec,
        opened,
        intake_over(spec, provider, opened, attachments),
        reopen=reopen if source is None else None,
        accept_mapping_change=accept_mapping_change,
        limit=None if isinstance(spec, MissingSpec) else limit,
    )
    passage.check()
    return passage
