"""Repair: a sound checkpoint from a damaged one. What cannot be read becomes unknown, and is never sent blindly.

The damaged files are kept beside it. Rows whose record is lost are those that no sound record names: they are taken to
have been sent, so that the next run looks them up like any other row without an answer.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from headrace.errors import UsageError
from headrace.identity import KEY_BYTES
from headrace.ledger.draft import SUFFIXES, put_in_place, remove
from headrace.ledger.durable import create, sync_folder
from headrace.ledger.lock import Lock
from headrace.ledger.packing import GENERATION_BITS, Detail, State, encode_detail, pack_runs, unpack_numbers
from headrace.ledger.recovery import PENDING
from headrace.ledger.salvage import Salvaged, salvage
from headrace.ledger.schema import connect
from headrace.ledger.seals import misshapen
from headrace.ledger.view import lock_path

_WHY: Final = "its record was damaged; what became of it cannot be known from here"
_NO_KEY: Final = bytes(KEY_BYTES)
_MOST_ROWS: Final = 10_000_000
"""A count of rows that may be damaged itself is not believed beyond this."""


class Repaired(Struct, frozen=True, kw_only=True):
    """What came of a repair: records kept and lost, and how many rows are unknown because of it.

    `original` is where the damaged file is kept, None where nothing was wrong and nothing was changed.
    """

    kept: int
    lost: int
    unknown: int
    original: Path | None


def repair(path: Path) -> Repaired:
    """Put a sound checkpoint in the place of a damaged one.

    Raises `LockedError` while another process has it open, `UsageError` where so little can be read that it names no
    import any more.
    """
    if not path.is_file():
        raise UsageError(f"There is no checkpoint {path}.", hint="`headrace run` creates it.")
    lock = Lock.acquire(lock_path(path))
    try:
        return _repair(path)
    finally:
        lock.release()


def _repair(path: Path) -> Repaired:
    original = _aside(path)
    draft = path.with_name(f"{path.name}.repairing")
    remove(draft)
    found = _read(original)
    if found.is_sound:
        remove(original)
        return Repaired(kept=len(found.requests), lost=0, unknown=0, original=None)
    try:
        unknown = _write(draft, found)
        put_in_place(draft, path)
    finally:
        remove(draft)
    sound = [one for one in found.requests if one.is_sound]
    return Repaired(kept=len(sound), lost=found.lost, unknown=unknown, original=original)


class _Found(Struct, frozen=True):
    """What was read of the damaged file."""

    tables: Mapping[str, list[Salvaged]]
    is_whole: bool

    @property
    def requests(self) -> list[Salvaged]:
        return self.tables["request"]

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to repair."""
        return self.is_whole and all(one.is_sound for records in self.tables.values() for one in records)

    @property
    def lost(self) -> int:
        """How many records cannot be believed, those that are missing between others included."""
        last = max((one.cells["seq"] for one in self.requests), default=0)
        missing = last - sum(one.is_sound for one in self.requests)
        return missing + sum(
            not one.is_sound for name, some in self.tables.items() if name != "request" for one in some
        )


def _read(path: Path) -> _Found:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        tables = {name: [*salvage(connection, name)] for name in ("import", "load", "request", "fault", "owed")}
        return _Found(tables, _is_whole(connection))
    finally:
        connection.close()


def _is_whole(connection: sqlite3.Connection) -> bool:
    try:
        return misshapen(connection) is None
    except (sqlite3.Error, UnicodeDecodeError):
        return False


# --- writing ----------------------------------------------------------------------------------------------------


def _write(draft: Path, found: _Found) -> int:
    """Write what is sound, and what is not as unknown; return how many rows are."""
    if not found.tables["import"] or not found.tables["load"]:
        raise UsageError(
            "So little of the checkpoint can be read that it does not say which import it is of.",
            hint="Restore it from a backup; without one, what was sent can only be told from what the provider holds.",
        )
    connection = connect(draft)
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in ("import", "load", "owed"):
            _insert(connection, table, [one.cells for one in found.tables[table] if one.is_sound or table != "owed"])
        sound = [one.cells for one in found.requests if one.is_sound]
        _insert(connection, "request", sound)
        faults = _faults(found, sound)
        _insert(connection, "fault", faults)
        unknown = sum(_give_up(connection, load.cells, sound, faults) for load in found.tables["load"])
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return unknown


def _faults(found: _Found, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the fault records: those that are sound, and new ones for rows whose own is lost."""
    sound = [one.cells for one in found.tables["fault"] if one.is_sound]
    known = {(cells["load"], cells["number"]) for cells in sound}
    free = max((one.cells["id"] for one in found.tables["fault"] if isinstance(one.cells["id"], int)), default=0) + 1
    detail = encode_detail(Detail(why=_WHY))
    plain = {State.UNSENT, State.DONE}
    for cells in requests:
        for place, number in enumerate(unpack_numbers(cells["numbers"])):
            state = State.UNSENT if cells["outcomes"] is None else cells["outcomes"][place]
            if state not in plain and (cells["load"], number) not in known:
                known.add((cells["load"], number))
                key = cells["keys"][place * KEY_BYTES : (place + 1) * KEY_BYTES]
                row = {"id": free, "load": cells["load"], "number": number, "line": 0, "key": key}
                sound.append(row | {"state": state, "request": cells["seq"], "detail": detail})
                free += 1
    return sound


def _give_up(
    connection: sqlite3.Connection,
    load: Mapping[str, Any],
    requests: Sequence[Mapping[str, Any]],
    faults: Sequence[Mapping[str, Any]],
) -> int:
    """Record the rows of a load that no sound record names as sent and unknown; return how many they are."""
    own = [cells for cells in requests if cells["load"] == load["id"]]
    named = {number for cells in own for number in unpack_numbers(cells["numbers"])}
    named |= {cells["number"] for cells in faults if cells["load"] == load["id"]}
    base = load["generation"] << GENERATION_BITS
    end = max([base + min(load["rows"], _MOST_ROWS), *(number + 1 for number in named if number >= base)], default=base)
    lost = [number for number in range(base, end) if number not in named]
    if lost:
        following = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM request").fetchone()[0]
        record = (following, load["id"], pack_runs(lost), _NO_KEY * len(lost), PENDING)
        connection.execute(
            "INSERT INTO request (seq, load, lease, numbers, keys, unknown) VALUES (?, ?, 0, ?, ?, ?)", record
        )
    return len(lost)


def _insert(connection: sqlite3.Connection, table: str, records: Sequence[Mapping[str, Any]]) -> None:
    for cells in records:
        names = ", ".join(cells)
        marks = ", ".join("?" * len(cells))
        # The names are those of our own columns.
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*cells.values()])  # noqa: S608


# --- files ------------------------------------------------------------------------------------------------------


def _aside(path: Path) -> Path:
    """Copy the checkpoint and its log to a name of their own, and return it."""
    copy = next(place for place in _names(path) if not place.exists())
    for suffix in SUFFIXES[:2]:
        if (source := path.with_name(path.name + suffix)).exists():
            with source.open("rb") as damaged, os.fdopen(create(copy.with_name(copy.name + suffix)), "wb") as kept:
                shutil.copyfileobj(damaged, kept)
                kept.flush()
                os.fsync(kept.fileno())
    sync_folder(path.absolute().parent)
    return copy


def _names(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.damaged-{number}") for number in range(1, 10_000))
