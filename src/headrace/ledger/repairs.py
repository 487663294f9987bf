"""Repairs: a reject file taken back, so that its rows can be sent again and none of its edits is lost.

The file is set aside under another name for the time of the retry. A kill leaves it there, and the next retry merges
what the killed one wrote with what it had not come to.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Final

from headrace.errors import SourceError
from headrace.ledger import durable
from headrace.ledger.faults import FaultRecord, formerly_refused, refused_on
from headrace.ledger.rejects import Reject, RejectFile
from headrace.ledger.results import Results
from headrace.ledger.sheet import Account, Kind, Line, Sheet

_CHUNK: Final = 100


def take_back(results: Results, connection: sqlite3.Connection, load_id: int) -> None:
    """Set the reject file aside as `results.repairs`.

    Raises `SourceError` before anything is moved when it cannot be understood, names a row twice, or names a row that
    never was refused.
    """
    rejects = results.path(Kind.REJECTS)
    sheet = Sheet(rejects, Kind.REJECTS, results.account(connection, Kind.REJECTS))
    if results.repairs.exists():
        _take_back_again(results, sheet, connection, load_id)
    elif rejects.exists():
        lines = _lines(_whole(RejectFile(rejects), sheet.account))
        if not _is_untouched(sheet):  # else it may have stale lines of ours, but no edits to lose
            _check_refused(connection, load_id, rejects, lines)
        durable.rename(rejects, results.repairs)


def _take_back_again(results: Results, sheet: Sheet, connection: sqlite3.Connection, load_id: int) -> None:
    """Set the reject file aside though a killed retry has left one there, whose rows were looked for at that time."""
    if sheet.path.exists() and sheet.is_intact():
        sheet.cut()  # what a kill left half written
    if not sheet.path.exists():
        durable.rename(results.repairs, sheet.path)  # so that an error names the file which the user knows
        _lines(_whole(RejectFile(sheet.path), sheet.account))
        durable.rename(sheet.path, results.repairs)
        return
    lines, older = _lines(_whole(RejectFile(sheet.path), sheet.account)), _lines(RejectFile(results.repairs))
    if not _is_untouched(sheet):
        _check_refused(
            connection, load_id, sheet.path, {line: record for line, record in lines.items() if line not in older}
        )
    _merge(results, sheet.path)


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
            Line(Kind.REJECTS, file.columns, one.cells, (str(one.line), *one.own), fault.number, fault.id)
            for one, fault in still_refused(connection, load_id, some)
            if not fault.has_place
        ]


def _whole(file: RejectFile, account: Account) -> RejectFile:
    """Return `file`. Raises `SourceError` where a column was deleted: its cells would be lost without a word."""
    missing = [name for name in account.columns if name not in file.columns]
    if missing:
        raise SourceError(
            f"The column {missing[0]!r} of the source is not there any more.",
            file=str(file.path),
            line=1,
            hint="Put it back with its cells: `headrace run` writes the file anew, and keeps this one.",
        )
    return file


def _lines(file: RejectFile) -> dict[int, int]:
    """Read `file` through; return the lines it names, each with the number of its record."""
    found: dict[int, int] = {}
    for one in file:
        earlier = found.setdefault(one.line, one.record)
        if earlier != one.record:
            raise SourceError(
                f"Record {one.record} names line {one.line} of the source, and so does record {earlier}.",
                file=str(file.path),
                hint="Keep one of the two: the column `line` says which row of the source a record repairs.",
            )
    return found


def _check_refused(connection: sqlite3.Connection, load_id: int, path: Path, lines: Mapping[int, int]) -> None:
    """Raise `SourceError` where one of `lines` (with their records) is of a row that never was refused."""
    rest = iter(lines)
    while some := list(islice(rest, _CHUNK)):
        known = {fault.line for fault in refused_on(connection, load_id, some)}
        known.update(formerly_refused(connection, load_id, some))
        for line in some:
            if line not in known:
                raise SourceError(
                    f"Record {lines[line]} names line {line} of the source, which was not refused.",
                    file=str(path),
                    hint="Put back the line that headrace wrote in the column `line`, or remove the record.",
                )


def _is_untouched(sheet: Sheet) -> bool:
    """Whether the file is as we left it, to the last byte."""
    return sheet.is_intact() and sheet.path.stat().st_size == sheet.account.length


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
                Line(Kind.REJECTS, file.columns, one.cells, (str(one.line), *one.own), number=0)
                for one in some
                if file is fresh or one.line not in told
            ]
        )
    merged.sync()
    merged.close()
    durable.rename(draft, results.repairs)
    rejects.unlink()
