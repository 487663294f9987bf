"""Salvage: reads what can be read of a damaged checkpoint, record by record, past pages that cannot be read."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from headrace.ledger.seals import TABLES, seal

# What is put into these statements are the names of our own tables and columns.
# ruff: noqa: S608

_FIRST: Final = 0
_FARTHEST: Final = 1 << 40
"""No record has a higher number; the search for the next readable one ends there."""


class Salvaged(Struct, frozen=True):
    """A record that could be read: its cells by column, and whether they are what was written."""

    cells: dict[str, Any]
    is_sound: bool


def salvage(connection: sqlite3.Connection, table: str) -> Iterator[Salvaged]:
    """Yield every record of `table` that can be read, in order. Raises nothing."""
    sealed = TABLES[table]
    names = (*sealed.columns, "mark")
    for row in _rows(connection, table, names):
        cells = dict(zip(names, row, strict=True))
        mark = cells.pop("mark")
        yield Salvaged(cells, mark == seal(*cells.values()))


def _rows(connection: sqlite3.Connection, table: str, names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    columns = ", ".join(names)
    if "rowid" not in TABLES[table].key and len(TABLES[table].key) > 1:  # has no numbers to go by
        yield from _as_far_as_it_goes(connection, f"SELECT {columns} FROM {table}")
        return
    query = f"SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid"
    start, step = _FIRST, 1
    while start < _FARTHEST:
        reached = start
        try:
            for number, *cells in connection.execute(query, (start,)):
                reached, step = number + 1, 1
                yield tuple(cells)
        except (sqlite3.Error, UnicodeDecodeError):
            # Ahead in growing steps: a page that cannot be read may hold one record or a hundred.
            start, step = reached + step, 2 * step
        else:
            return


def _as_far_as_it_goes(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except (sqlite3.Error, UnicodeDecodeError):
        return
