"""The view: a checkpoint as one reads it, also while another process writes it."""

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Struct

from headrace.errors import UsageError
from headrace.ledger.fates import Fate, Fates
from headrace.ledger.held import HeldIds
from headrace.ledger.idmap import IdMap, Ids
from headrace.ledger.lock import Holder, holder
from headrace.ledger.made import MadeRecords
from headrace.ledger.recovery import Unknown, unknown
from headrace.ledger.resolution import Doubt, doubts
from headrace.ledger.schema import connect_reader, translated
from headrace.ledger.seals import check_seals, register
from headrace.ledger.tally import tally
from headrace.model import Counts

_LOAD: Final = "SELECT id, name, resource, operation, definition, mapping, fingerprint, generation FROM load"


class Identity(Struct, frozen=True, kw_only=True):
    """What a checkpoint belongs to: the import's name, and where it imports into."""

    import_name: str
    provider: str
    base_url: str
    organization: str = ""


class LoadRecord(Struct, frozen=True):
    """What is recorded of one load. `definition` is whatever `Checkpoint.load` was given.

    `fingerprint` is the source's in the last run (None for one without), `mapping` the digest of the mapping.
    """

    id: int
    name: str
    resource: str
    operation: str
    definition: bytes
    mapping: bytes
    fingerprint: bytes | None
    generation: int


class View:
    """A checkpoint, read only. Close it, or use it in a `with` statement."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None) -> None:
        self.path = path
        self._reader = connection
        self._id_maps: dict[str, IdMap] = {}
        self._fates: dict[str, Fates] = {}

    @property
    def is_begun(self) -> bool:
        """Whether the checkpoint belongs to an import: its creation was not cut short."""
        return bool(self._one("SELECT count(*) FROM import")[0])

    @property
    def identity(self) -> Identity:
        """What the checkpoint belongs to."""
        name, provider, base_url, organization = self._one("SELECT name, provider, base_url, organization FROM import")
        return Identity(import_name=name, provider=provider, base_url=base_url, organization=organization)

    @property
    def definition(self) -> bytes:
        """The import's definition, as `Checkpoint.open` was given it."""
        return bytes(self._one("SELECT definition FROM import")[0])

    @property
    def loads(self) -> tuple[LoadRecord, ...]:
        """All loads, in the order in which they were first begun."""
        return tuple(LoadRecord(*row) for row in self._reader.execute(f"{_LOAD} ORDER BY id"))

    @property
    def holder(self) -> Holder | None:
        """Who has the checkpoint open for writing, None when nobody."""
        return None if self.path is None else holder(lock_path(self.path))

    @property
    def has_sent(self) -> bool:
        """Whether any row was sent, or was to be."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM request)")[0])

    def counts(self, load: str | None = None) -> Counts:
        """Return how many rows of `load`, or of all loads, ended how. Raises `UsageError` for an unknown load."""
        loads = self.loads if load is None else (self.record(load),)
        is_live = self._is_live()
        return sum((tally(self._reader, one.id, is_live=is_live) for one in loads), Counts())

    def ids(self, load: str, keys: Sequence[bytes]) -> dict[bytes, Ids]:
        """Return the remote ids of those rows of `load` that are done, or were there before, by their row keys.

        Of several rows with one key it is all of them. Raises `UsageError` for an unknown load.
        """
        if load not in self._id_maps:
            self._id_maps[load] = IdMap(self._reader, self.record(load).id)
        return self._id_maps[load].find(keys)

    def ids_so_far(self, load: str) -> IdMap:
        """Return the remote ids that the rows of `load` have by now, and of no others. To be closed."""
        held = IdMap(self._reader, self.record(load).id)
        held.freeze()
        return held

    def made(self, load: str) -> MadeRecords:
        """Return all that the rows of `load` which are done were made into. To be closed."""
        return MadeRecords(self._reader, self.record(load).id)

    def fates(self, load: str, keys: Sequence[bytes]) -> dict[bytes, Fate]:
        """Return what became of those rows of `load` that made no record, by their row keys, as far as it is known."""
        if load not in self._fates:
            self._fates[load] = Fates(self._reader, self.record(load).id)
        return self._fates[load].find(keys)

    def unknown(self, load: str) -> list[Unknown]:
        """Return the requests of `load` without an outcome. Raises `UsageError` for an unknown load."""
        return [*unknown(self._reader, self.record(load).id)]

    def doubts(self, load: str) -> list[Doubt]:
        """Return the rows of `load` that are in doubt. Raises `UsageError` for an unknown load."""
        return doubts(self._reader, self.record(load).id)

    def held(self, load: str, ids: Sequence[str]) -> set[str]:
        """Return those of `ids`, the provider's, that rows hold, in all loads of the same resource."""
        index = HeldIds(self._reader, self.record(load).resource)
        try:
            return index.among(ids)
        finally:
            index.close()

    def record(self, load: str) -> LoadRecord:
        """Return what is recorded of the load of that name. Raises `UsageError` when there is none."""
        found = self._find(load)
        if found is None:
            names = ", ".join(one.name for one in self.loads) or "none"
            raise UsageError(f"The checkpoint has no load {load!r}.", hint=f"It has: {names}.")
        return found

    def copy_to(self, path: Path) -> None:
        """Write a copy of the checkpoint as it is now to `path`, also while another process goes on writing it."""
        with closing(sqlite3.connect(path)) as copy:
            self._reader.backup(copy)

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        for id_map in self._id_maps.values():
            id_map.close()
        for fates in self._fates.values():
            fates.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_live(self) -> bool:
        """Whether requests without an outcome are in flight, not left behind."""
        return self.holder is not None

    def _find(self, load: str) -> LoadRecord | None:
        row = self._reader.execute(f"{_LOAD} WHERE name = ?", (load,)).fetchone()
        return None if row is None else LoadRecord(*row)

    def _one(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._reader.execute(query).fetchone()
        return row


class _Copy(View):
    """A view of a private copy, dropped with it."""

    def __init__(self, connection: sqlite3.Connection, path: Path, folder: "tempfile.TemporaryDirectory[str]") -> None:
        super().__init__(connection, path)
        self._folder = folder

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def read(path: Path) -> View:
    """Open the checkpoint at `path` for reading. Takes no lock, creates no file, works while a run goes on.

    Raises `UsageError` when there is none or it is not one.
    """
    if not path.is_file():
        raise UsageError(f"There is no checkpoint {path}.", hint="`headrace run` creates it.")
    try:
        if _has(path, "-wal") and not _has(path, "-shm"):
            # Copied without its index: reading it in place would write a new one beside it.
            return _read_copy(path)
        return _checked(View(connect_reader(path), path))
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise translated(error, path) from None


def lock_path(path: Path) -> Path:
    """Return where the lock of the checkpoint at `path` is."""
    return path.with_name(f"{path.name}.lock")


def _has(path: Path, suffix: str) -> bool:
    return path.with_name(path.name + suffix).exists()


def _read_copy(path: Path) -> View:
    folder = tempfile.TemporaryDirectory(prefix="headrace-")
    copy = Path(folder.name) / path.name
    for suffix in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
    connection = sqlite3.connect(copy, isolation_level=None, check_same_thread=False)
    register(connection)
    check_seals(connection, path)
    return _checked(_Copy(connection, path, folder))


def _checked(view: View) -> View:
    """Return `view` where it holds an import; close it where its creation was cut short."""
    if not view.is_begun:
        view.close()
        raise UsageError(f"The checkpoint {view.path} is empty.", hint="Run the import again.")
    return view
