"""Repairs: a reject file taken back, so that its rows can be sent again and none of its edits is lost.

The file is set aside under another name for the time of the retry. A kill leaves it there, and the next retry merges
what the killed one wrote with what it had not come to.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

from headrace.ledger import durable
from headrace.ledger.faults import FaultRecord, refused_on
from headrace.ledger.rejects import Reject, RejectFile
from headrace.ledger.results import Results
from headrace.ledger.sheet import Account, Kind, Line, Sheet

_CHUNK: Final = 100


def take_back(results: Results, connection: sqlite3.Connection) -> None:
    """Set the reject file aside as `results.repairs`. Raises `SourceError` when it cannot be understood."""
    rejects = results.path(Kind.REJECTS)
    if not results.repairs.exists():
        if rejects.exists():
            RejectFile(rejects)  # before anything is moved
            durable.rename(rejects, results.repairs)
        return
    sheet = Sheet(rejects, Kind.REJECTS, results.account(connection, Kind.REJECTS))
    if rejects.exists() and sheet.is_intact():
        sheet.cut()  # what a kill left half written
    if rejects.exists():
        _merge(results, rejects)


def chunks(file: RejectFile) -> Iterator[list[Reject]]:
    """Return the rejects of `file`, some at a time."""
    rejects = iter(file)
    while some := list(islice(rejects, _CHUNK)):
        yield some


def still_refused(
    connection: sqlite3.Connection, load_id: int, rejects: Sequence[Reject]
) -> list[tuple[Reject, FaultRecord]]:
    """Return those of `rejects` whose rows are refused to this day, with what is recorded of them."""
    faults = {fault.line: fault for fault in refused_on(connection, load_id, [one.line for one in rejects])}
    return [(one, faults[one.line]) for one in rejects if one.line in faults]


def left_over(results: Results, connection: sqlite3.Connection, load_id: int) -> Iterator[list[Line]]:
    """Return the lines of the rows that were taken back and that the retry did not come to, as they were."""
    file = RejectFile(results.repairs)
    for some in chunks(file):
        yield [
            Line(Kind.REJECTS, file.columns, one.cells, (str(one.line), *one.reason), fault.number, fault.id)
            for one, fault in still_refused(connection, load_id, some)
            if not fault.has_place
        ]


def _merge(results: Results, rejects: Path) -> None:
    """Put the lines that a killed retry wrote together with those it had not come to."""
    fresh, older = RejectFile(rejects), RejectFile(results.repairs)
    told = {one.line for one in fresh}
    draft = results.draft(Kind.REJECTS)
    draft.unlink(missing_ok=True)
    merged = Sheet(draft, Kind.REJECTS, Account())
    for file, some in chain(((fresh, some) for some in chunks(fresh)), ((older, some) for some in chunks(older))):
        merged.append(
            [
                Line(Kind.REJECTS, file.columns, one.cells, (str(one.line), *one.reason), number=0)
                for one in some
                if file is fresh or one.line not in told
            ]
        )
    merged.sync()
    merged.close()
    durable.rename(draft, results.repairs)
    rejects.unlink()
