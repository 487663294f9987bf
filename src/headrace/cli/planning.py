"""Planning: what a run would do and how long it would take, told for people or for machines."""

import shlex
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import msgspec
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.checking import errors, fault_lines
from headrace.cli.choices import Access, DataFile, Pace, Talk
from headrace.cli.outset import Outset
from headrace.cli.screen import aligned, plain, show
from headrace.cli.text import clean, count, span
from headrace.client import Client
from headrace.importfile import ImportSpec
from headrace.planning import Alternative, LoadPlan, Plan
from headrace.prospects import CANARY, MARKS, OWN, Lookup


def lay_out(file: str, how: DataFile, checkpoint: Path | None, *, access: Access, pace: Pace, talk: Talk) -> int:
    """Plan the import of `file`, print the plan, and return 0 or 3. Raises what a run raises before it begins."""
    spec, state, where, client = Outset.of_file(file, how, checkpoint, access, pace)
    tell = _silent if talk.quiet else terminal.say
    tell(f"planning {file} into {where}; nothing is written")

    found = anyio.run(_plan, client, spec, state, tell)
    ends = datetime.now().astimezone() + timedelta(seconds=found.seconds)
    if talk.json:
        terminal.emit(_facts(found, ends))
    else:
        show(*_lines(found, ends, pace))
        for notice in found.notices:
            tell(f"note: {notice}")
    return found.exit_code


def _silent(text: str) -> None:
    """Say nothing."""


async def _plan(client: Client, spec: ImportSpec, state: Path, tell: Any) -> Plan:
    async with client:
        return await client.plan(spec, checkpoint=state, tell=tell)


# --- for machines -----------------------------------------------------------------------------------------------


def _facts(found: Plan, ends: datetime) -> Any:
    facts: dict[str, Any] = msgspec.to_builtins(found)
    del facts["faults"]
    return facts | {"ends": ends.isoformat(timespec="seconds"), "errors": errors(found.faults)}


# --- for people -------------------------------------------------------------------------------------------------


def _lines(found: Plan, ends: datetime, pace: Pace) -> Iterator[Text]:
    yield from fault_lines(found.faults)
    yield from _loads(found)
    yield plain("")
    yield from _names(found)
    yield from _promises(found)
    yield plain("")
    yield from _time(found, ends, pace)
    yield from _budget(found, pace)
    yield from _next(found)


_COLUMNS: Final = ("rows", "valid", "invalid", "settled", "requests")


def _loads(found: Plan) -> Iterator[Text]:
    shown = [name for name in _COLUMNS if name != "settled" or found.settled]
    header: list[Text | str] = ["", *shown, "sent"]
    rows = [_row(load, shown) for load in found.loads]
    yield plain(f"{found.import_name} into {found.provider}", "bold")
    yield from aligned([header, *rows], right=frozenset(range(1, 1 + len(shown))))
    if found.settled:
        told = f"{count(found.settled, 'row')} sent by earlier runs are not sent again"
        asked = f"; {count(found.unknown, 'of them')} without an answer are looked up first" if found.unknown else ""
        yield plain(told + asked.replace("of thems", "of them"), "dim")


def _row(load: LoadPlan, shown: list[str]) -> list[Text | str]:
    style = {"invalid": "red"} if load.invalid else {}
    cells = [plain(f"{getattr(load, name):,}", style.get(name, "")) for name in shown]
    how = f"up to {load.batch_size} rows each" if load.batch_size > 1 else "one row each"
    return [load.name, *cells, plain(how, "dim")]


def _names(found: Plan) -> Iterator[Text]:
    for table in found.tables:
        yield plain(f"before {table.load}: {_table(table)}")


def _table(table: Lookup) -> str:
    requests = count(table.requests, "request")
    if table.by == MARKS:
        return f"whether the first rows are there already, by their marks ({requests})"
    if table.by == CANARY:
        return f"one row alone, read back ({requests})"
    if table.resource == OWN:
        return f"the custom fields of {table.by} ({count(table.records, 'field')}, {requests})"
    if table.resource == "custom_fields":
        return f"the custom field '{table.by}' for markers ({'created by ' * table.is_created}{requests})"
    held = f"{count(table.asked, 'name')} asked for" if table.asked else count(table.records, "record")
    return f"names of {table.resource} by {table.by} ({held}, {requests})"


def _promises(found: Plan) -> Iterator[Text]:
    for promise in dict.fromkeys(load.promise for load in found.loads):
        names = ", ".join(load.name for load in found.loads if load.promise == promise)
        yield plain(f"{names}: a row is created {promise}")
    wait = f"{span(found.commit_within + found.visible_within)}"
    parts = f"{span(found.commit_within)} for it to be stored, {span(found.visible_within)} for it to show"
    yield plain(f"a row whose answer is lost is looked up after {wait} ({parts})", "dim")


def _time(found: Plan, ends: datetime, pace: Pace) -> Iterator[Text]:
    rows = found.requests - found.lookups - 1
    parts = [f"{rows:,} with rows", f"{found.lookups:,} for names" if found.lookups else "", "1 to begin with"]
    yield plain(f"{count(found.requests, 'request')}: {', '.join(filter(None, parts))}")
    bound = f"; what binds is {_limit(found.binding_limit)}" if found.binding_limit else ""
    yield plain(f"done in {span(found.seconds)}, at {_moment(ends)}, if begun now{bound}", "bold")
    for way in found.alternatives:
        yield plain(f"{_way(way)}: {count(way.requests, 'request')}, {span(way.seconds)}")
    if pace.deadline is not None and pace.deadline < found.seconds:
        yield plain(f"--deadline {span(pace.deadline)} comes before: run stops there, and goes on when it is run again")


def _limit(name: str) -> str:
    return "how many requests are under way at once (--concurrency)" if name == "concurrency" else name


def _moment(at: datetime) -> str:
    is_today = at.date() == datetime.now().astimezone().date()
    return f"{at:%H:%M:%S}" if is_today else f"{at:%A, %Y-%m-%d %H:%M}"


def _way(way: Alternative) -> str:
    size = "of the provider's sizes" if way.batch_size is None else f"of {way.batch_size}"
    return f"in batches {size}" if way.bulk else "with --no-bulk"


def _budget(found: Plan, pace: Pace) -> Iterator[Text]:
    spent = ", ".join(f"{one.used:,} of {one.name}" for one in found.windows if one.used)
    where = "on this machine" if pace.budget is None else "with the same --budget"
    who = f"by all who use it {where}" if found.is_shared else "by this process alone"
    if found.windows:
        yield plain(f"of the budget, as counted {who}: {spent or 'nothing'} is spent and taken into account", "dim")


def _next(found: Plan) -> Iterator[Text]:
    if found.invalid:
        yield plain("next: repair the file; or run it: invalid rows are left out and listed", "dim")
    else:
        again = ["headrace", *("run" if word == "plan" else word for word in sys.argv[1:])]
        yield plain(f"next: {clean(shlex.join(again))}", "dim")
