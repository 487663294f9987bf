"""Deciding: the rows in doubt as cases for a person, what the provider holds that may be them, and what was decided."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.connection import Connection
from headrace.dispatch.halt import Halt
from headrace.dispatch.readback.matching import Likeness
from headrace.dispatch.readback.reader import Reader, Unreadable
from headrace.dispatch.readback.strategy import strategy
from headrace.errors import UsageError
from headrace.importfile import recorded
from headrace.ledger import Decision, View
from headrace.ledger.doubtfile import Listed, read_doubts
from headrace.loads import LoadSpec
from headrace.model import Chunk, Record, Row
from headrace.parents import Parents
from headrace.provider import Provider, effective
from headrace.resolving import Tables
from headrace.sources import intake_of, resource_of

WORDS: Final = ("created", "missing", "skip")
"""What can be decided, besides an id: `id N`, or just `N`."""


class Case(Struct, frozen=True, kw_only=True):
    """One row in doubt. `line` is 0 where the source has not shown it since; `candidates` are ids that may be it."""

    load: str
    number: int
    line: int
    key: bytes
    why: str
    cells: Mapping[str, str]
    candidates: tuple[str, ...] = ()


def cases(view: View, results: Path | None) -> list[Case]:
    """Return all rows in doubt of a checkpoint, with their cells as far as the in-doubt files have them."""
    found = []
    for load in view.loads:
        cells = _cells(results, load.name)
        found += [
            Case(
                load=load.name,
                number=one.number,
                line=one.line,
                key=one.key,
                why=one.why,
                cells=cells.get(one.line, {}),
            )
            for one in view.doubts(load.name)
        ]
    return found


def _cells(results: Path | None, load: str) -> dict[int, dict[str, str]]:
    path = None if results is None else results / f"{load}.in-doubt.csv"
    return {} if path is None or not path.exists() else {one.line: one.cells for one in read_doubts(path)}


# --- candidates -----------------------------------------------------------------------------------------------------


async def candidates(all_cases: Sequence[Case], view: View, connection: Connection) -> list[Case]:
    """Return the cases with the ids of records that may be them, and that no row holds which is done.

    Asked inside the budget, by what identifies a row; cases without cells keep none.
    """
    spec = recorded(view.definition)
    connection = connection.fitted(spec)
    by_load: defaultdict[str, list[Case]] = defaultdict(list)
    for one in all_cases:
        by_load[one.load].append(one)
    found = []
    tables = Tables(connection.transport, connection.provider, Parents(view), Halt())
    for load in spec.in_order:
        if by_load[load.title]:
            found += await _search(load, by_load[load.title], view, connection, tables)
    return found


async def _search(
    load: LoadSpec, its: Sequence[Case], view: View, connection: Connection, tables: Tables
) -> list[Case]:
    provider, resource = connection.provider, resource_of(load, connection.provider)
    how = strategy(resource, effective(resource, operation=load.operation), load.operation)
    records = [] if how is None else await _records(load, its, connection.provider, tables)
    if how is None or not records:
        return [*its]
    reader = Reader(connection.transport, provider, resource)
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for question in how.ask(records, None):
        items = await reader.ask(question)
        for item in () if isinstance(items, Unreadable) else items:
            for record in (records[place] for place in question.places):
                if how.like(record, item) >= Likeness.NEAR:
                    ids[record.row.offset].add(str(item["id"]))
    held = view.held(load.title, sorted(set().union(*ids.values())))
    return [replace(one, candidates=tuple(sorted(ids[place] - held))) for place, one in enumerate(its)]


async def _records(load: LoadSpec, its: Sequence[Case], provider: Provider, tables: Tables) -> list[Record]:
    """Return the records that the cases are, as far as their cells are known; offsets are their places."""
    told = [place for place, one in enumerate(its) if one.cells]
    if not told or resource_of(load, provider).steps:  # a file is not among the cells
        return []
    columns = tuple(its[told[0]].cells)
    intake = intake_of(load, provider, source=f"{load.title}.in-doubt.csv", has_open_columns=False)
    rows = [[its[place].cells.get(name, "") for name in columns] for place in range(len(its))]
    chunk = Chunk(columns=columns, offset=0, lines=[one.line for one in its], rows=rows)
    intake = await tables.fitted(intake)
    intake.rows(chunk)

    async def names(field: str, most: int) -> set[str] | None:
        return intake.names([chunk], field, most)

    resolving = await tables.resolving(intake, names)
    wanted = [Row(place, its[place].line, its[place].key, rows[place]) for place in told]
    return intake.sift(chunk, wanted, resolving.resolvers(chunk, wanted)).records


# --- decisions ------------------------------------------------------------------------------------------------------


def decision(case: Case, answer: str) -> Decision | None:
    """Return what an answer says of a case: a word of `WORDS` or an id. None for skip. Raises `UsageError`."""
    words = answer.replace(":", " ").split()
    words[:1] = [word.lower() if word.lower() in {*WORDS, "id"} else word for word in words[:1]]
    match words:
        case [] | ["skip"]:
            return None
        case ["missing"]:
            return Decision(case.number, None)
        case ["created"]:
            return Decision(case.number, case.candidates[0] if len(case.candidates) == 1 else "")
        case ["id", remote_id] | [remote_id]:
            return Decision(case.number, _identity(remote_id))
    raise _unknown(answer)


def _identity(text: str) -> str:
    """Return an id; a misspelt word is none."""
    if not any(letter.isdigit() for letter in text):
        raise _unknown(text)
    return text


def from_file(all_cases: Sequence[Case], path: Path) -> list[tuple[Case, str]]:
    """Return the answers in the column `decision` of an in-doubt file. Raises `SourceError` and `UsageError`."""
    load = path.name.removesuffix(".csv").removesuffix(".in-doubt")
    loads = {one.load for one in all_cases}
    by_line = {one.line: one for one in all_cases if one.load == load or len(loads) == 1}
    return [(_case(by_line, one, path), one.decision) for one in read_doubts(path) if one.decision]


def _case(by_line: Mapping[int, Case], listed: Listed, path: Path) -> Case:
    found = by_line.get(listed.line)
    if found is None:
        raise UsageError(
            f"{path.name}: line {listed.line} is not in doubt", hint="give the file as the last run wrote it"
        )
    return found


def _unknown(answer: str) -> UsageError:
    return UsageError(f"{answer!r} decides nothing", hint=f"say {', '.join(WORDS)}, or the id of the record")
