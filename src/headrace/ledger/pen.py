"""The pen: what writing for one load takes, and the numbers that records get."""

import sqlite3
from itertools import count

from msgspec import Struct

from headrace.ledger.results import Results
from headrace.ledger.writer import Writer


class Numbers:
    """The next numbers of requests, settlements and faults, each given once in the life of a checkpoint."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.request = _following(connection, "SELECT max(seq) FROM request")
        self.settlement = _following(connection, "SELECT max(settled) FROM request")
        self.fault = _following(connection, "SELECT max(id) FROM fault")


class Pen(Struct, frozen=True):
    """What writing for one load takes: the writer, whose lease it is, which load, and the files for people."""

    writer: Writer
    numbers: Numbers
    lease: int
    load_id: int
    results: Results | None


def _following(connection: sqlite3.Connection, query: str) -> "count[int]":
    """Return the numbers after the highest that `query` finds."""
    return count((connection.execute(query).fetchone()[0] or 0) + 1)
