"""Exports: read to the end whatever happens on the way, once each, and fit to be imported again."""

import csv
import gzip
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from headrace.dispatch.halt import Halt
from headrace.errors import ChangedError, CredentialsError, InterruptionError, LockedError, UsageError
from headrace.exporting import AT_ONCE, Exported, Query
from headrace.ledger.extract import Extract, Table
from headrace.ledger.lock import Lock
from headrace.model import Done
from headrace.pipeline import Settings
from headrace.provider import reference
from headrace.providers import PROVIDERS
from headrace.sandbox.core import Sandbox
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

PERSON, SERVICE = 201, 901


def productive(rows: int, *faults: Rule, **options: Any) -> Sandbox:
    sandbox = Sandbox(Options(faults=faults, **options), virtual_time.START)
    for at in range(rows):
        attributes = {"date": f"2026-01-{1 + at % 28:02}", "time": 1 + at % 600, "note": f"row {at}"}
        links = {"person": PERSON + at % 3, "service": SERVICE}
        sandbox.store.place("time_entries", attributes, links, virtual_time.START)
    return sandbox


def export(sandbox: Sandbox, query: Query, file: Path, halt: Halt | None = None, **more: Any) -> Exported:
    async def main() -> Exported:
        async with simulated_client(sandbox, Settings(**more.pop("settings", {})), **more) as client:
            return await client.export(query, file, halt=halt)

    return virtual_time.run(main)


def read(file: Path) -> list[dict[str, str]]:
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return list(csv.DictReader(data.decode().splitlines(keepends=True)))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.gz"])
def test_all_records_come_in_the_largest_pages(name: str, tmp_path: Path) -> None:
    """1,001 records are six pages and no other request; each is in the file once, with the ids that it refers to."""
    done = export(productive(1_001), Query(resource="time_entries"), tmp_path / name)
    assert (done.rows, done.requests, done.reason) == (1_001, 6, None)
    if ".jsonl" in name:
        data = (tmp_path / name).read_bytes()
        lines = (gzip.decompress(data) if name.endswith("gz") else data).splitlines()
        found = [json.loads(line) for line in lines]
    else:
        found = read(tmp_path / name)
    assert [one["note"] for one in found] == [f"row {at}" for at in range(1_001)]
    assert {(str(one["person_id"]), str(one["service_id"])) for one in found} == {
        (str(PERSON + at), str(SERVICE)) for at in range(3)
    }
    assert [path.name for path in tmp_path.iterdir()] == [name]


def halting(sandbox: Sandbox, requests: int, halt: Halt) -> Callable[[], None]:
    """Let the run be interrupted while the answer to that request is on its way; return what undoes it."""
    handle, seen = sandbox.handle, count(1)

    def watch(*call: Any, **more: Any) -> Any:
        reply = handle(*call, **more)
        if next(seen) == requests:
            halt.stop(InterruptionError("stopped by the test"))
        return reply

    sandbox.handle = watch  # type: ignore[method-assign]  # looks on

    def undo() -> None:
        sandbox.handle = handle  # type: ignore[method-assign]

    return undo


PLACES = [
    ("productive", "time_entries", Query(resource="time_entries")),
    ("productive", "time_entries", Query(resource="time_entries", sort="date")),
    ("timemagic", "tasks", Query(resource="tasks")),
    ("agiled", "time_entries", Query(resource="time_entries")),
    ("bezala", "tasks", Query(resource="tasks")),
]


def filled(provider: str, rows: int = 450) -> Sandbox:
    """Return a sandbox of the provider with many records, those of Time Magic below several projects."""
    if provider == "productive":
        return productive(rows)
    sandbox = Sandbox(Options(provider=provider, window="off"), virtual_time.START)
    for at in range(5 if provider == "timemagic" else 0):
        sandbox.store.place("projects", {"name": f"Project {at}"}, {}, virtual_time.START, at=10 + at)
    kinds = {"timemagic": "tasks", "agiled": "time-entries", "bezala": "tasks"}
    for at in range(rows if provider != "timemagic" else 20):
        links = {"project_id": 10 + at % 5} if provider == "timemagic" else {}
        attributes = {"name": f"row {at}", "notes": f"row {at}", "date": "2026-01-01", "duration_minutes": 5}
        sandbox.store.place(kinds[provider], attributes, links, virtual_time.START)
    return sandbox


@pytest.mark.parametrize(("provider", "resource", "query"), PLACES)
def test_an_interrupted_export_goes_on(provider: str, resource: str, query: Query, tmp_path: Path) -> None:
    """Stopped after any number of requests and run again, the file is the one of an export that was not stopped."""
    del resource
    more = {"settings": {"limits": False}}
    whole = export(filled(provider), query, tmp_path / "whole.csv", **more)
    assert whole.rows >= 20
    for stop in range(1, whole.requests + 1):
        sandbox, halt, file = filled(provider), Halt(), tmp_path / f"{stop}.csv"
        undo = halting(sandbox, stop, halt)
        first = export(sandbox, query, file, halt, **more)
        undo()
        together = 1 if query.sort is None else AT_ONCE
        assert (first.reason is None) == (stop == whole.requests) or together > 1
        if first.reason is not None:
            assert first.exit_code == 130
            assert not file.exists()
            second = export(sandbox, query, file, **more)
            assert second.reason is None
            assert first.requests + second.requests <= whole.requests + together  # what was on its way comes again
        assert file.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@settings(max_examples=30)
@given(data=st.data())
def test_bytes_that_nobody_recorded_are_cut_off(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Killed between writing and recording, a page is not there twice: the file is cut to what was recorded."""
    file = tmp_path_factory.mktemp("export") / "t.csv"
    pages = data.draw(st.lists(st.lists(st.text(max_size=5), max_size=3), min_size=1, max_size=5))
    killed = data.draw(st.integers(0, len(pages)))
    lost = data.draw(st.binary(max_size=20))

    def write(extract: Extract, some: list[list[str]], start: int) -> None:
        if not extract.state.columns:
            extract.begin(["cell"])
        for place, page in enumerate(some, start):
            extract.append([{"cell": cell} for cell in page], None if place == len(pages) - 1 else place + 1)

    extract = Extract.open(file, "query")
    write(extract, pages[:killed], 0)
    extract.close()
    part = file.with_name("t.csv.part")
    if part.exists():
        with part.open("ab") as end:
            end.write(lost)
    extract = Extract.open(file, "query")
    write(
        extract, pages[extract.state.bookmark or 0 :] if not extract.state.is_whole else [], extract.state.bookmark or 0
    )
    extract.finish()
    extract.close()
    whole = Table()
    rows = [{"cell": cell} for page in pages for cell in page]
    assert file.read_bytes() == whole.head(["cell"]) + whole.lines(rows, ["cell"])


def test_another_query_does_not_go_on_with_a_file(tmp_path: Path) -> None:
    """What was begun is finished as it was begun, or taken away: exit 9 names both files."""
    sandbox, halt = productive(1_000), Halt()
    undo = halting(sandbox, 3, halt)
    export(sandbox, Query(resource="time_entries"), tmp_path / "t.csv", halt)
    undo()
    with pytest.raises(ChangedError, match="another export") as refusal:
        export(sandbox, Query(resource="time_entries", sort="date"), tmp_path / "t.csv")
    assert "t.csv.part.json" in (refusal.value.hint or "")
    held = Lock.acquire(tmp_path / "t.csv.part.lock")
    with pytest.raises(LockedError):
        export(sandbox, Query(resource="time_entries"), tmp_path / "t.csv")
    held.release()


def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """An export that fails leaves the file of the last one as it was, and nothing beside it."""
    file = tmp_path / "t.csv"
    file.write_text("old")
    with pytest.raises(UsageError, match="Filter 'bogus'"):
        export(productive(3), Query(resource="time_entries", filters={"bogus": 1}), file)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("t.csv", "old")]
    export(productive(3), Query(resource="time_entries"), file)
    assert len(read(file)) == 3


def test_filters_fields_order_and_groups(tmp_path: Path) -> None:
    """What is asked for is what comes: operations, alternatives, groups, sparse fields, order and a number of rows."""
    sandbox = productive(100)
    query = Query(
        resource="time_entries",
        filters={"$op": "or", "0": {"note": {"eq": "row 7"}}, "1": {"date": {"gt": "2026-01-26"}}},
        fields=("note", "date"),
        sort="-date",
        limit=5,
    )
    export(sandbox, query, tmp_path / "t.csv")
    found = read(tmp_path / "t.csv")
    assert [row["date"] for row in found] == ["2026-01-28"] * 3 + ["2026-01-27"] * 2
    assert {name for row in found for name in row} == {"id", "date", "note"}
    export(sandbox, Query(resource="time_entries", filters={"person_id": [201, 202]}), tmp_path / "u.csv")
    assert {row["person_id"] for row in read(tmp_path / "u.csv")} == {"201", "202"}


def test_related_records_are_written_beside(tmp_path: Path) -> None:
    """An include brings the fields of the record that is referred to, under its name."""
    export(productive(3), Query(resource="time_entries", include=("person_id", "service")), tmp_path / "t.csv")
    row = read(tmp_path / "t.csv")[0]
    assert row["person.email"]
    assert row["service.name"]


def test_a_relationship_that_the_api_does_not_know_gives_way(tmp_path: Path) -> None:
    """What we ask for of our own accord and is refused is left out and named; what the user asks for is an error."""
    shipped = PROVIDERS["productive"]
    people = next(one for one in shipped.resources if one.name == "people")
    unknown = [("boss_id", reference("people"), UNSET), ("fan_ids", list[reference("people")], UNSET)]  # type: ignore[misc]  # known at run time
    wrong = msgspec.defstruct("Wrong", unknown, bases=(people.struct,), kw_only=True)
    table = tuple(replace(one, struct=wrong) if one is people else one for one in shipped.resources)
    sandbox, provider = productive(0), replace(shipped, resources=table)
    done = export(sandbox, Query(resource="people"), tmp_path / "p.csv", provider=provider)
    assert (done.notices, done.requests) == (("productive does not tell boss_id, fan_ids of people",), 3)
    assert all(row["company_id"] for row in read(tmp_path / "p.csv"))
    with pytest.raises(UsageError, match="Include 'boss'"):
        export(sandbox, Query(resource="people", include=("boss",)), tmp_path / "q.csv")


def test_reports_keep_their_own_limit(tmp_path: Path) -> None:
    """Ten requests in thirty seconds: a report of many pages takes as long as that, and meets no 429."""
    sandbox = productive(0, window="sliding")
    for at in range(2_300):
        attributes = {"date": f"{1990 + at // 336}-{1 + at // 28 % 12:02}-{1 + at % 28:02}", "time": 5, "note": ""}
        sandbox.store.place("time_entries", attributes, {"person": 201, "service": 901}, virtual_time.START)
    done = export(sandbox, Query(resource="time_reports", group="date"), tmp_path / "r.csv")
    assert (done.rows, done.requests, done.throttled) == (2_300, 12, 0)
    assert done.seconds > 30
    with pytest.raises(UsageError, match="need a group"):
        export(sandbox, Query(resource="time_reports"), tmp_path / "x.csv")
    with pytest.raises(UsageError, match="time_report"):
        export(sandbox, Query(resource="time_report", group="date"), tmp_path / "x.csv")


def test_a_moving_listing_is_told_of(tmp_path: Path) -> None:
    """Where pages are counted and records come in between, the file may lack some, and the user is told so."""
    sandbox = productive(600)
    handle = sandbox.handle

    def busy(*call: Any, **more: Any) -> Any:
        reply = handle(*call, **more)
        links = {"person": 201, "service": 901}
        sandbox.store.place("time_entries", {"date": "2026-01-01", "time": 5, "note": "late"}, links, more["now"])
        return reply

    sandbox.handle = busy  # type: ignore[method-assign]  # somebody else works meanwhile
    by_cursor = export(sandbox, Query(resource="time_entries"), tmp_path / "t.csv")
    assert not any("twice" in notice for notice in by_cursor.notices)
    assert len({row["id"] for row in read(tmp_path / "t.csv")}) == by_cursor.rows >= 600
    counted = export(sandbox, Query(resource="time_entries", sort="date"), tmp_path / "u.csv")
    assert any("some may be twice" in notice for notice in counted.notices)


def test_counted_pages_are_asked_for_together(tmp_path: Path) -> None:
    """In an order of one's own, 50 pages of half a second take less than half of 25 s, and come in that order."""
    sandbox = productive(10_000, latency=(500, 500), window="sliding")
    done = export(sandbox, Query(resource="time_entries", sort="-time"), tmp_path / "t.csv")
    assert (done.rows, done.requests, done.throttled) == (10_000, 50, 0)
    assert done.seconds < 0.5 * 50 / 2
    times = [int(row["time"]) for row in read(tmp_path / "t.csv")]
    assert times == sorted(times, reverse=True)
    assert len({row["id"] for row in read(tmp_path / "t.csv")}) == 10_000


@pytest.mark.parametrize("change", [-450, 450])
def test_pages_that_come_or_go_meanwhile_end_it_no_earlier(change: int, tmp_path: Path) -> None:
    """Fewer pages than were counted first end the file where they end; more of them are read as well."""
    sandbox = productive(1_500)
    handle, seen = sandbox.handle, count(1)

    def busy(*call: Any, **more: Any) -> Any:
        reply = handle(*call, **more)
        if next(seen) == 3:
            for at in range(change):
                given = {"date": "2027-01-01", "time": 5, "note": f"late {at}"}
                sandbox.store.place("time_entries", given, {"person": 201, "service": 901}, more["now"])
            for one in [*sandbox.store.table("time_entries").values()][change:] if change < 0 else ():
                sandbox.store.remove("time_entries", one)
        return reply

    sandbox.handle = busy  # type: ignore[method-assign]  # somebody else works meanwhile
    done = export(sandbox, Query(resource="time_entries", sort="id"), tmp_path / "t.csv")
    assert (done.reason, done.rows) == (None, 1_500 + change)
    assert any("some may be twice" in notice for notice in done.notices)


@pytest.mark.parametrize("sort", [None, "id"])
def test_trouble_on_the_way_loses_nothing(sort: str | None, tmp_path: Path) -> None:
    """Page by page or several at once, lost answers and 429s are read again; every record is there once."""
    faults = (
        Rule(kind=FaultKind.DROP_BEFORE_COMMIT, method=("GET",), every=4),
        Rule(kind=FaultKind.THROTTLE, method=("GET",), at=(3, 7), seconds=5.0),
    )
    done = export(productive(2_000, *faults), Query(resource="time_entries", sort=sort), tmp_path / "t.csv")
    assert done.reason is None
    assert [row["note"] for row in read(tmp_path / "t.csv")] == [f"row {at}" for at in range(2_000)]


def test_what_the_account_may_not_read_is_said(tmp_path: Path) -> None:
    """A revoked token is exit 6, and the file is not begun."""
    with pytest.raises(CredentialsError):
        export(productive(3, Rule(kind=FaultKind.REVOKE_TOKEN, at=(1,))), Query(resource="tasks"), tmp_path / "t.csv")
    assert not [*tmp_path.iterdir()]


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@settings(max_examples=25)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "title": CELLS.filter(bool),
                "description": CELLS,
                "tag_list": st.lists(CELLS.filter(bool), max_size=3),
                "private": st.booleans(),
                "initial_estimate": st.integers(0, 10_000),
                "due_date": st.none() | st.dates().map(str),
                "custom_fields": st.dictionaries(st.sampled_from(["51"]), CELLS.filter(bool), max_size=1),
            }
        ),
        min_size=1,
        max_size=8,
    ),
    name=st.sampled_from(["t.csv", "t.jsonl"]),
)
def test_an_export_is_a_source(rows: list[dict[str, Any]], name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exported, imported elsewhere without a mapping and exported again, every field that can be written is equal."""
    folder = tmp_path_factory.mktemp("round")
    fields = [*rows[0], "project_id", "task_list_id"]

    def sandbox(records: list[dict[str, Any]]) -> Sandbox:
        made = Sandbox(Options(), virtual_time.START)
        for record in [*made.store.table("tasks").values()]:
            made.store.remove("tasks", record)
        for record in records:
            made.store.place("tasks", dict(record), {"project": 501, "task_list": 701}, virtual_time.START)
        return made

    export(sandbox(rows), Query(resource="tasks"), folder / name)
    other = sandbox([])

    async def main() -> list[Any]:
        async with simulated_client(other) as client:
            return [one async for one in client.load("tasks", folder / name, checkpoint=folder / "x.headrace")]

    outcomes = virtual_time.run(main)
    assert [type(one) for one in outcomes] == [Done] * len(rows), outcomes
    stored = [
        one.attributes | {f"{link}_id": to for link, to in one.links.items()}
        for one in other.store.table("tasks").values()
    ]
    wanted = [row | {"project_id": 501, "task_list_id": 701} for row in rows]
    blank = ({}, [], "", None)
    assert [[None if one.get(field) in blank else one.get(field) for field in fields] for one in stored] == [
        [None if one.get(field) in blank else one.get(field) for field in fields] for one in wanted
    ]
