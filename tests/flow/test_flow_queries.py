"""What an export asks for: filters, order, fields and related records do as they say, or are an error."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_flow_export import filled, productive, read

from headrace.cli.export import Wish
from headrace.cli.exporting import query_of
from headrace.cli.options import Target
from headrace.errors import UsageError
from headrace.exporting import Exported, Query
from headrace.pipeline import Settings
from headrace.sandbox.core import Sandbox
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

ENTRIES = "time_entries"


def export(sandbox: Sandbox, query: Query, file: Path) -> Exported:
    async def main() -> Exported:
        async with simulated_client(sandbox, Settings(limits=False)) as client:
            return await client.export(query, file)

    return virtual_time.run(main)


def exported(sandbox: Sandbox, file: Path, resource: str = ENTRIES, **query: Any) -> list[dict[str, Any]]:
    assert export(sandbox, Query(resource=resource, **query), file).reason is None
    return [json.loads(line) for line in file.read_text().splitlines()] if file.suffix == ".jsonl" else read(file)


def typed(resource: str = ENTRIES, **options: Any) -> Query:
    """Return the query of a command line."""
    return query_of(Wish(Target("productive", resource), "-", **options))


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"filters": ["date=2026-01-05"]}, lambda row: row["date"] == "2026-01-05"),
    ({"filters": ["date.not_eq=2026-01-05"]}, lambda row: row["date"] != "2026-01-05"),
    ({"filters": ["date.gt=2026-01-26"]}, lambda row: row["date"] > "2026-01-26"),
    ({"filters": ["date.gt_eq=2026-01-03", "date.lt_eq=2026-01-04"]}, lambda row: "03" <= row["date"][-2:] <= "04"),
    ({"filters": ["date.lt=2026-01-03"]}, lambda row: row["date"] < "2026-01-03"),
    ({"filters": ["note.contains=row 1"]}, lambda row: "row 1" in row["note"]),
    ({"filters": ["note.not_contain=1"]}, lambda row: "1" not in row["note"]),
    ({"filters": ["person_id=201", "person_id=203"]}, lambda row: row["person_id"] in {"201", "203"}),
    ({"filters": ["person_id.eq=201", "person_id.eq=203"]}, lambda row: row["person_id"] in {"201", "203"}),
    (
        {"filter_json": '{"$op": "or", "0": {"note": {"eq": "row 7"}}, "1": {"date": {"gt": "2026-01-26"}}}'},
        lambda row: row["note"] == "row 7" or row["date"] > "2026-01-26",
    ),
    (
        {
            "filters": ["person_id=201"],
            "filter_json": '{"$op": "or", "0": {"note": {"contains": "2"}}, "1": {"date": {"gt": "2026-01-26"}}}',
        },
        lambda row: row["person_id"] == "201" and ("2" in row["note"] or row["date"] > "2026-01-26"),
    ),
    (
        {"filters": ["date.gt=2026-01-10"], "filter_json": '{"date": {"lt": "2026-01-13"}}'},
        lambda row: "2026-01-10" < row["date"] < "2026-01-13",
    ),
    (
        {"filter_json": '{"$op": "or", "0": {"$op": "and", "0": {"date": "2026-01-05"}, "1": {"person_id": 201}}}'},
        lambda row: row["date"] == "2026-01-05" and row["person_id"] == "201",
    ),
]


@pytest.mark.parametrize(("options", "passes"), FILTERS)
def test_filters_choose_what_they_say(options: dict[str, Any], passes: Any, tmp_path: Path) -> None:
    """Operations, alternatives, groups in groups, and both ways of saying them at once: exactly those records come."""
    query = typed(**options)
    found = exported(productive(100), tmp_path / "t.jsonl", filters=query.filters)
    every = exported(productive(100), tmp_path / "u.jsonl")
    assert found
    assert [row["id"] for row in found] == [row["id"] for row in every if passes(row)]


@pytest.mark.parametrize("where", [{"note": "b"}, {"$op": "or", "0": {"note": "b"}, "1": {"note": "c"}}])
def test_groups_go_with_the_filters_of_a_resource(where: Mapping[str, Any], tmp_path: Path) -> None:
    """Drafts of bookings come as all others do, in groups too; and can be left out."""
    sandbox = Sandbox(Options(), virtual_time.START)
    for note in "abc":
        links = {"person": 201, "service": 901}
        given = {"note": note, "draft": note == "b", "started_on": "2026-01-01", "ended_on": "2026-01-02"}
        sandbox.store.place("bookings", given, links, virtual_time.START)
    found = exported(sandbox, tmp_path / "t.jsonl", "bookings", filters=where)
    assert {row["note"] for row in found} == {"b", "c"} - ({"c"} if "note" in where else set())
    assert len(exported(sandbox, tmp_path / "u.jsonl", "bookings")) == 3
    assert [row["note"] for row in exported(sandbox, tmp_path / "v.jsonl", "bookings", filters={"with_draft": False})]


WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("productive", ENTRIES, {"filters": {"bogus": 1}}, "Filter 'bogus'"),
    ("productive", ENTRIES, {"filters": {"date": {"about": "2026-01-01"}}}, "Filter 'date[about]'"),
    ("productive", ENTRIES, {"filters": {"date": "tomorrow"}}, "Value 'tomorrow' of filter 'date'"),
    ("productive", ENTRIES, {"filters": {"$op": "xor", "0": {"note": "x"}}}, "Value 'xor'"),
    ("productive", ENTRIES, {"sort": "colour"}, "Sort by 'colour'"),
    ("productive", ENTRIES, {"include": ("boss",)}, "Include 'boss'"),
    ("productive", ENTRIES, {"fields": ("note", "nots")}, "no field 'nots'"),
    ("productive", "time_reports", {"group": "moon"}, "moon"),
    ("agiled", ENTRIES, {"filters": {"notes": "x"}}, "not filtered by 'notes'"),
    ("agiled", "tasks", {"filters": {"titel": "x"}}, "not filtered by 'titel'"),
    (
        "agiled",
        "tasks",
        {"filters": {"title": {"contains": "x"}}},
        "no operation with the filter 'title', not contains",
    ),
    ("agiled", "tasks", {"filters": {"$op": "or", "0": {"title": "x"}}}, "no groups"),
    ("agiled", "tasks", {"sort": "colour"}, "not sorted by 'colour'"),
    ("agiled", "tasks", {"include": ("boss",)}, "do not bring 'boss'"),
    ("agiled", "tasks", {"fields": ("titel",)}, "no field 'titel'"),
    ("timemagic", "tasks", {"filters": {"name": "x"}}, "not filtered by 'name'"),
    ("timemagic", "tasks", {"sort": "name"}, "no order of choice"),
    ("timemagic", "projects", {"include": ("tasks",)}, "do not bring 'tasks'"),
    ("bezala", "tasks", {"filters": {"name": "x"}}, "not filtered by 'name'"),
    ("bezala", "tasks", {"filters": {"state": "lost"}}, "does not list"),
    ("bezala", ENTRIES, {"filters": {"date": {"gt": "2026-01-01"}}}, "gt_eq and lt_eq with the filter 'date', not gt"),
    ("bezala", "cost_centers", {"sort": "name"}, "no order of choice"),
]


@pytest.mark.parametrize(("provider", "resource", "wrong", "said"), WRONG)
def test_what_cannot_be_asked_for_is_an_error(
    provider: str, resource: str, wrong: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """Where the API would refuse, and where it would ignore it and answer with everything: named, with a remedy."""
    with pytest.raises(UsageError) as refusal:
        export(filled(provider, 30), Query(resource=resource, **wrong), tmp_path / "t.csv")
    assert said in refusal.value.message
    assert refusal.value.hint
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("name", "meant"), [("t.csv", "note"), ("t.jsonl", "note")])
def test_a_field_that_is_misspelt_suggests_the_right_one(name: str, meant: str, tmp_path: Path) -> None:
    """The hint knows the fields of an import."""
    with pytest.raises(UsageError) as refusal:
        exported(productive(3), tmp_path / name, fields=("date", "notee"))
    assert f"'{meant}'" in (refusal.value.hint or "")


@pytest.mark.parametrize(
    ("provider", "resource", "text"),
    [
        ("productive", ENTRIES, "note"),
        ("agiled", ENTRIES, "notes"),
        ("timemagic", "tasks", "name"),
        ("bezala", "tasks", "name"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_only_the_fields_that_are_asked_for(
    provider: str, resource: str, text: str, suffix: str, tmp_path: Path
) -> None:
    """Whether the API can leave the others out or not, they are not in the file."""
    found = exported(filled(provider, 30), tmp_path / f"t{suffix}", resource, fields=(text,))
    assert len(found) >= 20
    assert {frozenset(row) for row in found} == {frozenset({"id", text})}


def test_sparse_fields_and_related_records_go_together(tmp_path: Path) -> None:
    """A related record comes though the field that leads to it was not asked for."""
    found = exported(productive(3), tmp_path / "t.jsonl", fields=("note",), include=("person_id",))
    assert {frozenset(row) for row in found} >= {frozenset(found[0])}
    assert found[0]["note"] == "row 0"
    assert found[0]["person.email"]
    assert "date" not in found[0]


def test_related_records_that_come_inside_are_written_beside(tmp_path: Path) -> None:
    """Agiled puts them into the records; in the file they have columns of their own, and ids are not asked for."""
    sandbox = Sandbox(Options(provider="agiled", window="off"), virtual_time.START)
    found = exported(sandbox, tmp_path / "t.csv", "tasks", include=("project",))
    assert [(row["project_id"], row["project.name"]) for row in found] == [
        ("501", "Acme website"),
        ("502", "Globex app"),
    ]
    assert "project" not in found[0]
    assert "project.name" not in exported(sandbox, tmp_path / "u.csv", "tasks")[0]


@pytest.mark.parametrize(
    ("provider", "resource", "sort"),
    [("productive", ENTRIES, "-date"), ("agiled", ENTRIES, "-duration_minutes"), ("bezala", "tasks", "-name")],
)
def test_the_order_is_the_one_asked_for(provider: str, resource: str, sort: str, tmp_path: Path) -> None:
    """Also over many pages."""
    name = sort.removeprefix("-")
    found = exported(filled(provider, 250), tmp_path / "t.jsonl", resource, sort=sort)
    values = [row[name] for row in found]
    assert values == sorted(values, reverse=True)


def test_ranges_of_days_have_ends(tmp_path: Path) -> None:
    """Bezala's entries by days: from, until, both, or one day."""
    sandbox = Sandbox(Options(provider="bezala", window="off"), virtual_time.START)
    for day in range(1, 10):
        given = {"date": f"2026-03-0{day}", "minutes": day, "description": "x"}
        sandbox.store.place("time_entries", given, {"task_id": 1001}, virtual_time.START)

    def days(value: Any) -> list[int]:
        file = tmp_path / "t.jsonl"
        return [row["minutes"] for row in exported(sandbox, file, ENTRIES, filters={"date": value})]

    assert days({"gt_eq": "2026-03-07"}) == [7, 8, 9]
    assert days({"lt_eq": "2026-03-02"}) == [1, 2]
    assert days({"gt_eq": "2026-03-03", "lt_eq": "2026-03-04"}) == [3, 4]
    assert days("2026-03-05") == [5]
    assert days(["2026-03-05", "2026-03-06"]) == [5, 6]


def test_a_program_is_told_as_well() -> None:
    """`Client.read` refuses what the API would ignore."""

    async def main() -> list[Any]:
        async with simulated_client(filled("agiled", 3), Settings(limits=False)) as client:
            return [one async for one in client.read("tasks", filter={"titel": "x"})]

    with pytest.raises(UsageError, match="not filtered by 'titel'"):
        virtual_time.run(main)
