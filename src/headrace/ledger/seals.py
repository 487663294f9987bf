"""Seals: every record of a checkpoint carries a digest of itself, so that a flipped bit is found and never believed.

SQLite's own checks see the shape of its pages, not what the cells hold. Triggers write the seal with the record itself,
whoever writes it; opening a checkpoint checks all of them, a few milliseconds for ten thousand requests.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from struct import Struct as Layout
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from headrace.errors import UsageError

_NUMBERS: Final = MappingProxyType({int: Layout("<cq"), float: Layout("<cd")})


# What is put into these statements are the names of our own tables and columns.
# ruff: noqa: S608

_LOAD: Final = (
    *("id", "name", "resource", "operation", "definition", "mapping"),
    *("fingerprint", "generation", "rows", "unseen"),
)
_REQUEST: Final = (
    *("seq", "load", "lease", "numbers", "keys", "settled"),
    *("outcomes", "ids", "done", "since", "prints", "unknown"),
)


class Sealed(Struct, frozen=True):
    """A table whose records are sealed: what identifies one, and the columns that the seal covers."""

    key: tuple[str, ...]
    columns: tuple[str, ...]


TABLES: Final[Mapping[str, Sealed]] = MappingProxyType(
    {
        "import": Sealed(("rowid",), ("name", "provider", "base_url", "organization", "definition", "lease")),
        "load": Sealed(
            ("id",),
            _LOAD,
        ),
        "request": Sealed(
            ("seq",),
            _REQUEST,
        ),
        "fault": Sealed(("id",), ("id", "load", "number", "line", "key", "state", "request", "detail")),
        "owed": Sealed(("load", "number"), ("load", "number", "remote_id")),
    }
)


def register(connection: sqlite3.Connection) -> None:
    """Teach a connection the function `seal`. Needed by whoever writes or checks."""
    connection.create_function("seal", -1, seal, deterministic=True)


def seal(*cells: Any) -> int:
    """Return 63 bits that stand for these cells and no others."""
    state = blake2b(digest_size=8)
    for cell in cells:
        state.update(_bytes(cell))
    return int.from_bytes(state.digest()) >> 1


def _bytes(cell: Any) -> bytes:
    """Return the cell with its type and length, so that borders between cells count."""
    if cell is None:
        return b"n"
    layout = _NUMBERS.get(type(cell))
    if layout is not None:
        return layout.pack(b"i" if isinstance(cell, int) else b"f", cell)
    data = cell.encode("utf-8", "surrogatepass") if isinstance(cell, str) else bytes(cell)
    return b"%c%d:%s" % (b"t" if isinstance(cell, str) else b"b", len(data), data)


def statements() -> Iterator[str]:
    """Yield what gives every table its seals, those of records that are there included."""
    for table, sealed in TABLES.items():
        yield f"ALTER TABLE {table} ADD COLUMN mark INTEGER"
        yield from _triggers(table, sealed)
        yield f"UPDATE {table} SET mark = seal({', '.join(sealed.columns)})"


def _triggers(table: str, sealed: Sealed) -> Iterator[str]:
    new = ", ".join(f"new.{column}" for column in sealed.columns)
    which = " AND ".join(f"{column} = new.{column}" for column in sealed.key)
    act = f"BEGIN UPDATE {table} SET mark = seal({new}) WHERE {which}; END"
    yield f"CREATE TRIGGER {table}_added AFTER INSERT ON {table} {act}"
    yield f"CREATE TRIGGER {table}_changed AFTER UPDATE OF {', '.join(sealed.columns)} ON {table} {act}"


def check_seals(connection: sqlite3.Connection, what: object) -> None:
    """Raise `UsageError` where a record of the checkpoint is not what was written, naming it."""
    try:
        flaw = misshapen(connection) or _broken(connection)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        flaw = str(error)
    if flaw is not None:
        raise damaged(what, flaw)


def misshapen(connection: sqlite3.Connection) -> str | None:
    """Return what is wrong with the file's pages, or with the triggers that seal; None where nothing is."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        return str(found)
    written = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")}
    return None if written == _TRIGGERS else "its triggers are not what was written"


def _broken(connection: sqlite3.Connection) -> str | None:
    for table, sealed in TABLES.items():
        query = f"SELECT {', '.join(sealed.key)} FROM {table} WHERE mark IS NOT seal({', '.join(sealed.columns)})"
        broken = connection.execute(f"{query} LIMIT 1").fetchone()
        if broken is not None:
            return f"record {'.'.join(map(str, broken))} of table {table} is not what was written"
    return None


_TRIGGERS: Final = frozenset(trigger for table, sealed in TABLES.items() for trigger in _triggers(table, sealed))


def damaged(what: object, detail: str) -> UsageError:
    """Return the error for a checkpoint with a flaw."""
    return UsageError(
        f"The checkpoint {what or 'in memory'} is damaged: {detail}.",
        hint=f"`headrace repair {what}` saves what can be read; what cannot becomes unknown.",
    )
