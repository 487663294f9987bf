"""Results: the files of the loads, written for durable outcomes only, by the thread that committed them.

After each commit the lines of its outcomes are written; the next commit records how far. So a crash leaves at most
lines that nobody recorded, which are cut off, and outcomes without a line, which are *owed*: their lines are written
when the rows come by again. Every durable outcome ends up in exactly one file, exactly once.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import compress, count
from pathlib import Path
from typing import Any, Final

import msgspec

from headrace.ledger import durable
from headrace.ledger.packing import State, unpack_ids, unpack_numbers
from headrace.ledger.revision import revised_ids
from headrace.ledger.sheet import STATES_IN, Account, Extent, Kind, Line, Sheet

_ACCOUNT: Final = (
    "SELECT length, crc, columns, is_ragged, is_sealed, is_swapping FROM sheet WHERE load = ? AND kind = ?"
)
_OWED_DONE: Final = "SELECT numbers, outcomes, ids FROM request WHERE load = ? AND settled > ? AND done > 0"


class Results:
    """The results files of one load. Used by one thread, the one that commits."""

    def __init__(self, folder: Path, load: str, load_id: int) -> None:
        self._folder = folder
        self._name = load
        self._load = load_id
        self.sheets: dict[Kind, Sheet] = {}
        # What was written since the last record of it:
        self._told = 0
        self._extents: list[Extent] = []
        self._paid: list[int] = []
        self.changed: set[Kind] = set()
        self.revised: set[str] = set()  # ids of rows that are no successes any more, to be tidied away
        self._is_torn = False

    def path(self, kind: Kind) -> Path:
        """Where the file of `kind` is, or would be."""
        return self._folder / f"{self._name}.{kind}.csv"

    def beside(self, word: str) -> Path:
        """Where a further file of the load is, or would be, that these accounts do not cover."""
        return self._folder / f"{self._name}.{word}.csv"

    # Opening: what the last run left

    def recover(self, connection: sqlite3.Connection) -> list[str]:
        """Bring files and records into agreement after whatever happened; return what the user should know."""
        self.revised.update(revised_ids(connection, self._load))
        notices = [self._recover_sheet(connection, kind) for kind in Kind]
        told = connection.execute("SELECT max(told) FROM sheet WHERE load = ?", (self._load,)).fetchone()[0]
        self._owe_done(connection, told)
        last = connection.execute("SELECT max(settled) FROM request WHERE load = ?", (self._load,)).fetchone()[0]
        self._told = max(told, last or 0)
        self._save_told(connection)
        return [notice for notice in notices if notice]

    def _recover_sheet(self, connection: sqlite3.Connection, kind: Kind) -> str | None:
        key = (self._load, kind)
        row = connection.execute(_ACCOUNT, key).fetchone()
        sheet = Sheet(self.path(kind), kind, Account() if row is None else _account(row))
        self.sheets[kind] = sheet
        is_swapping = row is not None and bool(row[5])
        if is_swapping and self.draft(kind).exists():
            durable.rename(self.draft(kind), sheet.path)
        self.draft(kind).unlink(missing_ok=True)
        connection.execute("INSERT OR IGNORE INTO sheet (load, kind) VALUES (?, ?)", key)
        connection.execute("UPDATE sheet SET is_swapping = 0, is_sealed = 0 WHERE load = ? AND kind = ?", key)
        if sheet.is_intact() and (row is not None or not sheet.path.exists()):
            sheet.cut()
            return None
        return self._start_afresh(connection, sheet)

    def _start_afresh(self, connection: sqlite3.Connection, sheet: Sheet) -> str | None:
        """Move a file that is not as we left it aside, and owe all its lines."""
        notice = None
        if sheet.path.exists():
            aside = next(path for path in self._asides(sheet.kind) if not path.exists())
            durable.rename(sheet.path, aside)
            notice = f"{sheet.path.name} is not as the last run left it: kept as {aside.name}, written anew."
        sheet.account = Account()
        key = (self._load, sheet.kind)
        connection.execute("DELETE FROM sheet WHERE load = ? AND kind = ?", key)
        connection.execute("INSERT INTO sheet (load, kind) VALUES (?, ?)", key)
        if sheet.kind is Kind.SUCCESS:
            connection.execute("DELETE FROM owed WHERE load = ?", (self._load,))
        for state in STATES_IN[sheet.kind]:
            connection.execute("UPDATE fault SET place = NULL WHERE load = ? AND state = ?", (self._load, state))
        return notice

    def _asides(self, kind: Kind) -> Iterable[Path]:
        return (self._folder / f"{self._name}.{kind}.{number}.csv" for number in count(1))

    @property
    def repairs(self) -> Path:
        """Where the reject file is kept while its rows are sent again."""
        return self._folder / f"{self._name}.rejects.retry.csv"

    def account(self, connection: sqlite3.Connection, kind: Kind) -> Account:
        """Return what is recorded of one sheet."""
        row = connection.execute(_ACCOUNT, (self._load, kind)).fetchone()
        return Account() if row is None else _account(row)

    def draft(self, kind: Kind) -> Path:
        """Where the next version of a file is written before it takes the file's place."""
        return self._folder / f".{self._name}.{kind}.csv.next"

    def _owe_done(self, connection: sqlite3.Connection, told: int) -> None:
        """Owe the lines of the rows that were done after the last settlement that was told."""
        for numbers, outcomes, ids in connection.execute(_OWED_DONE, (self._load, told)):
            done = compress(unpack_numbers(numbers), map(State.DONE.__eq__, outcomes))
            owed = [(self._load, n, remote_id) for n, remote_id in zip(done, unpack_ids(ids), strict=True)]
            connection.executemany("INSERT OR IGNORE INTO owed (load, number, remote_id) VALUES (?, ?, ?)", owed)

    # Writing, after a commit

    def write(self, lines: Sequence[Line], *, settlement: int = 0, paid: Sequence[int] = ()) -> None:
        """Write `lines`. They tell of `settlement`, or pay what was owed for the rows `paid`. Raises `OSError`."""
        if self._is_torn:
            return
        with self.tearing():
            for kind in Kind:
                of_kind = [line for line in lines if line.kind is kind]
                if of_kind:
                    self.changed.add(kind)
                    self._extents += self.sheets[kind].append(of_kind)
        self._paid += paid
        self._told = max(self._told, settlement)

    @contextmanager
    def tearing(self) -> Iterator[None]:
        """Write nothing more where the block fails: a line cut short must not be followed by another."""
        self._is_torn = True
        yield
        self._is_torn = False

    # Recording, in the next one

    def record(self, connection: sqlite3.Connection) -> None:
        """Record how far the files are written."""
        if self._is_torn or not (self.changed or self._paid):
            return
        for kind in self.changed:
            self.save(connection, kind, self.sheets[kind].account)
        self._save_told(connection)
        connection.executemany(
            "UPDATE fault SET place = ?, length = ? WHERE id = ?", [(e.place, e.length, e.fault) for e in self._extents]
        )
        connection.executemany(
            "DELETE FROM owed WHERE load = ? AND number = ?", [(self._load, number) for number in self._paid]
        )

    def recorded(self) -> None:
        """Forget what is recorded."""
        self._extents.clear()
        self._paid.clear()
        self.changed.clear()

    def save(self, connection: sqlite3.Connection, kind: Kind, account: Account, *, is_swapping: bool = False) -> None:
        """Record the account of one sheet."""
        connection.execute(
            "UPDATE sheet SET length = ?, crc = ?, columns = ?, is_ragged = ?, is_sealed = ?, is_swapping = ?"
            " WHERE load = ? AND kind = ?",
            (
                account.length,
                account.crc,
                msgspec.json.encode(account.columns),
                account.is_ragged,
                account.is_sealed,
                is_swapping,
                self._load,
                kind,
            ),
        )

    def _save_told(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE sheet SET told = ? WHERE load = ? AND kind = ?", (self._told, self._load, Kind.SUCCESS)
        )

    # Closing

    def seal(self, connection: sqlite3.Connection) -> None:
        """Make the files durable and record that they hold nothing but what is recorded. Raises `OSError`."""
        if self._is_torn:
            return
        for kind, sheet in self.sheets.items():
            sheet.sync()
            sheet.account = msgspec.structs.replace(sheet.account, is_sealed=True)
            self.save(connection, kind, sheet.account)
        if self._folder.exists():  # the names too: of the files in the folder, and of the folder
            durable.sync_folder(self._folder)
            durable.sync_folder(self._folder.absolute().parent)

    def close(self) -> None:
        """Close the files."""
        for sheet in self.sheets.values():
            sheet.close()


def _account(row: tuple[Any, ...]) -> Account:
    """Return the account in a record."""
    length, crc, columns, is_ragged, is_sealed, _ = row
    return Account(length, crc, tuple(msgspec.json.decode(columns)), bool(is_ragged), bool(is_sealed))
