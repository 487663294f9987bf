"""Rows in doubt: what a person decides is recorded, and the next run acts on it."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from flow_simulation import killed
from flow_world import World, hours, read_csv, write_csv
from msgspec.structs import replace

from headrace.cli.app import main
from headrace.deciding import candidates, cases, decision
from headrace.errors import UsageError
from headrace.importfile import ImportSpec
from headrace.ledger import Checkpoint
from headrace.pipeline import Settings
from headrace.provider import NoGuarantee
from headrace.providers.productive.provider import PRODUCTIVE
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

MUTE = replace(
    PRODUCTIVE,
    resources=tuple(replace(one, guarantee=NoGuarantee()) for one in PRODUCTIVE.resources),
)
"""A provider of which nothing can be read back: what has no answer stays in doubt."""
PLAIN = Settings(batch_size=10, concurrency=1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Thirty rows; the second batch was stored, the third was not, and nobody can tell."""
    monkeypatch.delenv("HEADRACE_PRODUCTIVE_TOKEN", raising=False)
    post = {"path": "/time_entries", "method": ("POST",)}
    rules = (
        Rule(kind=FaultKind.DROP_AFTER_COMMIT, at=(2,), **post),
        Rule(kind=FaultKind.DROP_BEFORE_COMMIT, at=(3,), **post),
    )
    made = World(tmp_path, faults=rules)
    write_csv(tmp_path / "hours.csv", hours(30))
    report = run(made)
    assert (report.summary.done, report.summary.in_doubt, report.exit_code) == (10, 20, 4)
    return made


def run(world: World, how: Settings | None = None) -> Any:
    async def main() -> Any:
        world.wait()
        async with simulated_client(world.sandbox, how or PLAIN, provider=MUTE) as client:
            return await client.run(world.spec, checkpoint=world.checkpoint, results=world.results)

    return virtual_time.run(main)


def resolve(world: World, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["resolve", str(world.checkpoint), "--json", *options])
    return code, orjson.loads(capsys.readouterr().out)


def test_doubts_are_listed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an answer to give, every row in doubt is named with its line, cells and reason; exit 4."""
    code, told = resolve(world, capsys)
    assert code == 4
    assert [one["line"] for one in told["left"]] == [*range(12, 32)]
    assert all(one["row"]["note"] == f"row {one['line'] - 2}" and one["why"] for one in told["left"])


def test_what_is_missing_is_sent_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Decided one by one in the file: ids are kept, the missing are sent by the next run, and no list is stale."""
    ids = {one.attributes["note"]: str(one.id) for one in world.sandbox.store.table("time_entries").values()}
    listed = read_csv(world.results / "time_entries.in-doubt.csv")
    file = world.folder / "time_entries.in-doubt.csv"
    answers = [f"id {ids[row['note']]}" if row["note"] in ids else "missing" for row in listed]
    rows = [[*row.values(), answer] for row, answer in zip(listed, answers, strict=True)]
    write_csv(file, rows, (*listed[0], "decision"))
    code, told = resolve(world, capsys, "--from", str(file))
    assert (code, told["created"], told["missing"], told["left"]) == (0, 10, 10, [])
    assert not (world.results / "time_entries.in-doubt.csv").exists()
    with Checkpoint.read(world.checkpoint) as view:
        counts = view.counts()
        assert (counts.done, counts.in_doubt, counts.not_attempted) == (20, 0, 10)
    report = run(world)
    assert (report.summary.done, report.exit_code) == (30, 0)
    assert sorted(world.stored) == sorted(row[4] for row in hours(30))
    success = read_csv(world.results / "time_entries.success.csv")
    by_id = {str(one.id): one.attributes["note"] for one in world.sandbox.store.table("time_entries").values()}
    assert {row["remote_id"]: row["note"] for row in success} == by_id


@pytest.mark.parametrize(("word", "done", "unsent"), [("created", 30, 0), ("missing", 10, 20)])
def test_all_are_decided_alike(
    word: str, done: int, unsent: int, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """One word for all rows; once decided, they are not in doubt any more, and cannot be decided again."""
    code, told = resolve(world, capsys, "--all", word)
    assert (code, told[word], told["left"]) == (0, 20, [])
    with Checkpoint.read(world.checkpoint) as view:
        assert (view.counts().done, view.counts().not_attempted, view.counts().in_doubt) == (done, unsent, 0)
    assert resolve(world, capsys, "--all", word) == (0, {"created": 0, "missing": 0, "left": []})


def test_open_intents_are_decided_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a killed run left behind needs no run in between to be decided; it is known by key, not by line."""
    world = World(tmp_path, latency=(2_000, 3_000))
    write_csv(tmp_path / "hours.csv", hours(20))
    killed(world, 1, Settings(batch_size=10))
    code, told = resolve(world, capsys)
    assert code == 4
    assert {one["line"] for one in told["left"]} == {None}
    assert resolve(world, capsys, "--all", "created")[1]["created"] == len(told["left"])
    assert run(world).exit_code == 0
    assert sorted(world.stored) == sorted(row[4] for row in hours(20))


def test_candidates_are_what_nobody_holds(world: World) -> None:
    """Records that may be a row are found; those of rows that are done are not among them."""

    async def main() -> Any:
        world.wait()
        with Checkpoint.read(world.checkpoint) as view:
            async with simulated_client(world.sandbox) as client:
                return await candidates(cases(view, world.results), view, client.connection)

    found = {one.cells["note"]: one.candidates for one in virtual_time.run(main)}
    stored = {one.attributes["note"]: str(one.id) for one in world.sandbox.store.table("time_entries").values()}
    assert {note: ids for note, ids in found.items() if ids} == {
        note: (stored[note],) for note in found if note in stored
    }
    assert sum(map(bool, found.values())) == 10


@pytest.mark.parametrize("columns", [None, ["decision", "note", "line"]], ids=["as written", "others"])
def test_decisions_that_a_spreadsheet_saved(
    columns: list[str] | None, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Semicolons, a BOM, capitals, columns moved and deleted: the decisions are the same, as in reject files."""
    listed = read_csv(world.results / "time_entries.in-doubt.csv")
    rows = [row | {"decision": "Missing" if at % 2 else ""} for at, row in enumerate(listed)]
    columns = columns or [*rows[0]]
    file = world.folder / "time_entries.in-doubt.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        csv.writer(text, delimiter=";").writerows([columns, *([row[name] for name in columns] for row in rows)])
    code, told = resolve(world, capsys, "--from", str(file))
    assert (code, told["created"], told["missing"]) == (4, 0, 10)
    assert [one["line"] for one in told["left"]] == [*range(12, 32, 2)]


@pytest.mark.parametrize("answer", ["perhaps", "id", "id 1 2", "no"])
def test_an_answer_that_decides_nothing_is_refused(answer: str, world: World) -> None:
    """Neither a word nor an id: nothing is recorded, and the error says what can be said."""
    with Checkpoint.read(world.checkpoint) as view, pytest.raises(UsageError, match="decides nothing"):
        decision(cases(view, None)[0], answer)


def family(folder: Path) -> ImportSpec:
    """Return an import of three tasks, the second below the first, and of a todo for each."""
    write_csv(folder / "tasks.csv", [("T1", ""), ("T2", "T1"), ("T3", "")], ("no", "parent"))
    write_csv(folder / "todos.csv", [("for T1", "T1"), ("for T2", "T2"), ("for T3", "T3")], ("description", "task"))
    tasks = {
        "title": "no",
        "project_id": {"value": 501},
        "task_list_id": {"value": 701},
        "parent_task_id": {"column": "parent", "from": "tasks"},
    }
    loads = [
        {"resource": "tasks", "source": str(folder / "tasks.csv"), "key": ["no"], "fields": tasks},
        {
            "resource": "todos",
            "source": str(folder / "todos.csv"),
            "fields": {"task_id": {"column": "task", "from": "tasks"}},
        },
    ]
    return msgspec.convert({"provider": "productive", "name": "family", "load": loads}, ImportSpec)


@pytest.mark.parametrize(("kind", "stored"), [("drop_after_commit", True), ("drop_before_commit", False)])
def test_children_go_when_their_parent_is_decided(
    kind: str, stored: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that waited for a parent in doubt, of the same source or another, are sent by the plain run that follows."""
    lost = Rule(kind=FaultKind(kind), path="/tasks", method=("POST",), at=(1,))
    world = World(tmp_path, faults=(lost,))
    world.spec = family(tmp_path)
    report = run(world, Settings(batch_size=1, concurrency=1))
    assert (report.summary.done, report.summary.in_doubt, report.summary.invalid) == (2, 1, 3)
    codes = {row["code"] for row in read_csv(world.results / "todos.rejects.csv")}
    assert codes == {"parent_in_doubt", "parent_invalid"}
    ids = {one.attributes["title"]: one.id for one in world.sandbox.store.table("tasks").values()}
    assert ("T1" in ids) == stored
    decided = tmp_path / "tasks.in-doubt.csv"
    (listed,) = read_csv(world.results / decided.name)
    answer = f"id {ids['T1']}" if stored else "missing"
    write_csv(decided, [[*listed.values(), answer]], (*listed, "decision"))
    assert resolve(world, capsys, "--from", str(decided))[0] == 0
    report = run(world, Settings(batch_size=1, concurrency=1))
    assert (report.summary.done, report.summary.invalid, report.exit_code) == (6, 0, 0)
    assert not any(read_csv(path) for path in world.results.glob("*.rejects.csv"))
    tasks = {one.id: one for one in world.sandbox.store.table("tasks").values() if one.id > 1003}
    below = {one.attributes["title"]: one.links.get("parent_task") for one in tasks.values()}
    numbers = {one.attributes["title"]: number for number, one in tasks.items()}
    assert below == {"T1": None, "T2": numbers["T1"], "T3": None}
    todos = [one for one in world.sandbox.store.table("todos").values() if one.links["task"] in tasks]
    assert sorted((one.attributes["description"], one.links["task"]) for one in todos) == [
        (f"for {title}", numbers[title]) for title in ("T1", "T2", "T3")
    ]
