"""The checkpoint: one SQLite file per import, held by one process at a time, written by one thread.

It holds intents, outcomes and definitions: digests and ids, no cell values, no credentials.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self

from headrace.errors import UsageError
from headrace.ledger import mounts, opening, view
from headrace.ledger.anchor import Anchor
from headrace.ledger.commit import Entry, GroupCommit, Urgency
from headrace.ledger.load import LoadLedger
from headrace.ledger.lock import Lock
from headrace.ledger.opening import LoadTerms, Opened
from headrace.ledger.past import Past
from headrace.ledger.pen import Numbers, Pen
from headrace.ledger.reserve import Reserve
from headrace.ledger.resolution import Decision, Resolution
from headrace.ledger.results import Results
from headrace.ledger.retry import RetryLedger
from headrace.ledger.schema import connect, connect_reader, translated
from headrace.ledger.shelf import Shelf
from headrace.ledger.tidy import Tidying
from headrace.ledger.view import Identity, View, lock_path
from headrace.ledger.writer import InlineWriter, ThreadWriter, Writer

_SAFE_NAME: Final = re.compile(r"\w[\w .()+-]*")


class Checkpoint(View):
    """An open checkpoint. Close it, or use it in a `with` statement; after a kill it is sound all the same.

    One thread calls it and its loads. `results` is the folder of the files for people, None for none.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        reader: sqlite3.Connection,
        path: Path | None,
        results: Path | None,
        *,
        commits: GroupCommit,
        writer: Writer,
        shelf: Shelf,
        resources: ExitStack,
    ) -> None:
        super().__init__(reader, path)
        self.results = results
        self._connection = connection
        self._commits = commits
        self._writer = writer
        self._shelf = shelf
        self._resources = resources
        self._numbers = Numbers(connection)
        self._lease = int(self._one("SELECT lease FROM import")[0])
        self._ledgers: dict[str, LoadLedger | RetryLedger] = {}
        self._is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"lease {self._lease}"
        return f"<Checkpoint {self.path or 'in memory'}, {state}, {len(self._ledgers)} loads begun>"

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        identity: Identity,
        definition: bytes = b"",
        results: Path | None = None,
        threaded: bool = True,
    ) -> Self:
        """Open the checkpoint at `path` for writing, creating it where there is none; None keeps it in memory.

        Without `threaded`, and in memory, everything is written at once by the caller's thread. Raises `LockedError`
        when another process has it open, `ChangedError` when it belongs to another import, provider, host or
        organization, `UsageError` when it cannot be used, `StoppedError` when the disk is full.
        """
        with ExitStack() as resources:
            if path is not None:
                resources.callback(Lock.acquire(lock_path(path)).release)
            connection = connect(path)
            resources.callback(connection.close)
            try:
                opening.take_lease(connection, identity, definition)
            except sqlite3.Error as error:
                raise translated(error, path) from None
            shelf = Shelf()
            is_threaded = threaded and path is not None
            reserve = Reserve(path.with_name(f"{path.name}.reserve")) if path is not None and is_threaded else None
            if reserve is not None:
                resources.callback(reserve.release)
            commits = GroupCommit(connection, reserve, shelf, None if path is None else Anchor(path))
            return cls(
                connection,
                connect_reader(path, is_checked=True) if path is not None and is_threaded else connection,
                path,
                results,
                commits=commits,
                writer=ThreadWriter(commits) if is_threaded else InlineWriter(commits),
                shelf=shelf,
                resources=resources.pop_all(),
            )

    @staticmethod
    def read(path: Path) -> View:
        """As `view.read`."""
        return view.read(path)

    def load(
        self,
        *,
        name: str,
        resource: str,
        operation: str,
        mapping_digest: bytes,
        fingerprint: bytes | None,
        definition: bytes = b"",
        has_key_columns: bool = True,
        accept_mapping_change: bool = False,
    ) -> LoadLedger:
        """Begin a pass over the source of load `name`, going on where earlier ones ended.

        `fingerprint` identifies the source's content, None for one that cannot be read twice. Raises `ChangedError`
        when resource, operation or mapping are not those of the last run (`accept_mapping_change` takes a new
        mapping; rows that are done stay done), `UsageError` when the name cannot be a file's.
        """
        if not _SAFE_NAME.fullmatch(name):
            raise UsageError(f"A load cannot be called {name!r}.", hint="Use letters, digits, blanks, - and _.")
        terms = LoadTerms(name, resource, operation, definition, mapping_digest, fingerprint, has_key_columns)
        opening.check(self._find(name), terms, accept_mapping_change=accept_mapping_change)

        def begin(connection: sqlite3.Connection) -> Opened:
            return opening.begin(connection, terms, self._shelf, self.results)

        opened = self._begin(name, begin)
        past = Past(self._reader, opened.id, opened.generation)
        ledger = LoadLedger(
            self._pen(opened.id, opened.results),
            self._reader,
            past,
            opened.progress,
            generation=opened.generation,
            notices=(*self._warnings(), *opened.notices),
            must_recognise=opened.is_changed and opened.has_done,
            has_sent=opened.has_sent,
        )
        self._ledgers[name] = ledger
        return ledger

    def retry(self, name: str) -> RetryLedger:
        """Begin to send the repaired rows of the reject file of load `name`, and only those.

        Raises `UsageError` when there is no such load, or no results folder.
        """
        record, folder = self.record(name), self.results
        if folder is None:
            raise UsageError("There is no results folder to take reject files from.")

        def begin(connection: sqlite3.Connection) -> Opened:
            return opening.begin_retry(connection, record, self._shelf, folder)

        opened = self._begin(name, begin)
        assert opened.results is not None  # begun with a folder
        ledger = RetryLedger(
            self._pen(opened.id, opened.results),
            self._reader,
            opened.results,
            generation=opened.generation,
            notices=opened.notices,
        )
        self._ledgers[name] = ledger
        return ledger

    def resolve(self, name: str, decisions: Sequence[Decision]) -> None:
        """Record what was found out about rows of load `name` that are in doubt, and tidy its results.

        Raises `UsageError` for an unknown load, and for a row that is not in doubt; then nothing is recorded.
        """
        record = self.record(name)
        resolution = Resolution(record.id, self._lease, self._numbers, decisions)

        def begin(connection: sqlite3.Connection) -> Opened:
            return opening.begin_resolving(connection, record, resolution, self._shelf, self.results)

        results = self._begin(name, begin).results
        if results is not None:
            tidying = Tidying(results, record.id)
            entry = Entry(Urgency.ALONE, tidying.prepare, tidying.swap)
            self._writer.submit(entry)
            entry.future.result()

    def close(self) -> None:
        """Write what waits, close all files, release the lock. Never hangs on a full disk. Again does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._resources:
            self._writer.close()
            self._commits.conclude()
            self._shelf.close()
            for ledger in self._ledgers.values():
                ledger.close()
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            super().close()

    def _is_live(self) -> bool:
        return True

    def _warnings(self) -> Sequence[str]:
        """Return what the user should know of the checkpoint's place, with the first load."""
        said = mounts.warning(self.path) if self.path is not None and not self._ledgers else None
        return () if said is None else (said,)

    def _pen(self, load_id: int, results: Results | None) -> Pen:
        return Pen(self._writer, self._numbers, self._lease, load_id, results)

    def _begin(self, name: str, begin: Callable[[sqlite3.Connection], Opened]) -> Opened:
        """Retire an earlier pass of the same load, and begin the new one in a transaction of its own."""
        earlier = self._ledgers.pop(name, None)
        if earlier is not None:
            earlier.close()
        entry = Entry(Urgency.ALONE, begin)
        self._writer.submit(entry)
        opened: Opened = entry.future.result()
        return opened
