"""Mistakes in asking for missing records: each is named, with its line and what to do, before anything is read."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from flow_world import World, write_csv

from headrace.cli.app import main as command
from headrace.errors import SourceError, UsageError
from headrace.importfile import check_import, import_schema, read_import
from headrace.model import Done, Invalid, Outcome
from headrace.providers.productive.provider import PRODUCTIVE
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

HEAD = """provider = "productive"
name = "mistakes"
[[load]]
resource = "projects"
source = "projects.csv"
key = ["Code"]
[load.fields]
name = "Code"
project_type_id = { value = 2 }
project_manager_id = { value = 201 }
workflow_id = { value = 728 }
"""
CLIENT = 'company_id = { column = "Client", lookup = "companies", by = "name", create_missing = true }\n'
COMPANIES = """[[load]]
resource = "companies"
source = "companies.csv"
[load.fields]
name = "Name"
"""
DOUBLE = """[[load]]
resource = "tasks"
name = "missing-companies-by-name"
source = "tasks.csv"
"""
MORE = """[[load]]
resource = "projects"
name = "more"
source = "projects.csv"
[load.fields]
"""


def client(table: str, by: str = "name", lookup: str = "companies") -> str:
    return f'company_id = {{ column = "Client", lookup = "{lookup}", by = "{by}", create_missing = {table} }}\n'


def problem(folder: Path, text: str) -> SourceError:
    path = folder / "import.toml"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        check_import(read_import(path), PRODUCTIVE, path)
    assert caught.value.file == str(path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        (HEAD + client('{ vatt = "VAT" }'), 12, "companies has no field 'vatt'", "vat"),
        (HEAD + client('{ name = "City" }'), 12, "name is what missing companies are called already", "leave it out"),
        (HEAD + client('{ vat = { colum = "VAT" } }'), 12, "unknown key 'colum'", "column"),
        (HEAD + client('{ vat = { lookup = "people", by = "nam" } }'), 12, "cannot be looked up by 'nam'", "by ="),
        (HEAD + 'company_id = { column = "Client", create_missing = true }\n', 12, "goes with lookup", None),
        (
            HEAD + client('{ parent_company_id = { lookup = "companies", by = "name", create_missing = true } }'),
            12,
            "cannot stand within another",
            None,
        ),
        (HEAD + client("true", "email", "people"), 12, "cannot be created without company_id, role_id", "company_id ="),
        (HEAD + client("true", "name", "people"), 12, "found by 'name' cannot be created", "by 'email'"),
        (HEAD + client("true", lookup="workflows"), 12, "workflows cannot be written by create", "companies"),
        (HEAD + client("true", lookup="companeis"), 12, "companeis", "companies"),
        (HEAD + client('"yes"'), 12, "got `str`", None),
        (HEAD + CLIENT + COMPANIES, 12, "companies creates companies as well", 'from = "companies"'),
        (
            HEAD + CLIENT + COMPANIES.replace("[load.fields]", 'operation = "upsert"\nby = ["name"]\n[load.fields]'),
            12,
            "creates companies as well",
            "from",
        ),
        (
            HEAD + CLIENT + MORE + client("true", "company_code"),
            12,
            "missing-companies-by-company_code creates companies as well",
            "one name",
        ),
        (
            HEAD + CLIENT + MORE + client('{ vat = "VAT" }').replace("Client", "Kunde"),
            12,
            "projects (company_id) and more (company_id) create missing companies in two ways",
            "same table",
        ),
        (
            HEAD
            + MORE.replace("[load.fields]", 'operation = "update"\n[load.fields]')
            + client("true").replace("company_id", "id"),
            18,
            "id is which of the companies a row is about",
            "upsert",
        ),
        (
            HEAD + CLIENT + DOUBLE,
            15,
            "two loads are called 'missing-companies-by-name'",
            "own name",
        ),
        (
            HEAD + client('{ parent_company_id = { column = "Code", from = "projects" } }'),
            4,
            "loads wait for each other: projects → missing-companies-by-name → projects",
            "leave one",
        ),
    ],
)
def test_a_mistake_is_named(text: str, line: int, says: str, hint: str | None, tmp_path: Path) -> None:
    """What cannot be meant is an error with its line, and mostly with what to do about it."""
    found = problem(tmp_path, text)
    assert says in str(found)
    assert found.line == line
    assert hint is None or hint in (found.hint or "")


def test_a_further_column_that_is_not_there(tmp_path: Path) -> None:
    """A column that the table names and the source lacks is an error with what is close, before anything is sent."""
    world = World(tmp_path)
    write_csv(tmp_path / "projects.csv", [("A", "New", "Rome")], ("Code", "Client", "City"))
    path = tmp_path / "import.toml"
    path.write_text(HEAD + client('{ billing_name = "Citty" }'))
    world.spec = read_import(path)
    with pytest.raises(SourceError, match="no column 'Citty'") as caught:
        world.run()
    assert "'City'" in str(caught.value.hint)
    assert not world.checkpoint.exists()


def test_the_schema_has_it() -> None:
    """The published schema of the import file takes true, false, and a table of rules."""
    rule = import_schema()["$defs"]["Rule"]["properties"]["create_missing"]
    assert rule["default"] is False
    assert [one["type"] for one in rule["anyOf"]] == ["boolean", "object"]
    assert rule["anyOf"][1]["additionalProperties"]["anyOf"][1] == {"$ref": "#/$defs/Rule"}


# --- what can be told offline -----------------------------------------------------------------------------------------


def test_check_judges_each_name_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that lacks a field is told once, where it stands first, and that offline nobody knows who is there."""
    rows = [("A", "x@new.ex", "102"), ("B", "y@new.ex", ""), ("C", "Y@new.ex", ""), ("D", "z@new.ex", "1.5")]
    write_csv(tmp_path / "projects.csv", rows, ("Code", "Client", "Firm"))
    path = tmp_path / "import.toml"
    table = '{ company_id = "Firm", role_id = { value = 2 } }'
    text = HEAD.replace("project_manager_id = { value = 201 }\n", "") + "company_id = { value = 102 }\n"
    path.write_text(text + client(table, "email", "people").replace("company_id", "project_manager_id", 1))
    assert command(["check", str(path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["invalid"]) == (7, 2)
    places = [(one["file"], one["line"], one["field"], one["code"]) for one in found["errors"]]
    assert [place[1:3] for place in places] == [(3, "company_id"), (5, "company_id")]
    assert {place[0] for place in places} == {str(tmp_path / "projects.csv")}
    assert command(["check", str(path)]) == 3
    assert "which names are there cannot be known offline" in capsys.readouterr().out


# --- programs ---------------------------------------------------------------------------------------------------------


def loaded(world: World, rows: Any, made: Any = True, **more: Any) -> list[Outcome]:  # as users say it
    async def main() -> list[Outcome]:
        world.wait()
        async with simulated_client(world.sandbox) as client:
            fields = {
                "name": "Code",
                "project_type_id": {"value": 2},
                "project_manager_id": {"value": 201},
                "workflow_id": {"value": 728},
                "company_id": {"column": "Client", "lookup": "companies", "by": "name", "create_missing": made},
            }
            return [one async for one in client.load("projects", rows, fields=fields, key=["Code"], **more)]

    return virtual_time.run(main)


@pytest.mark.parametrize("made", [True, {"billing_name": {"column": "Code", "as": "lower"}, "vat": "Client"}])
def test_a_program_is_told_of_its_own_rows(made: Any, tmp_path: Path) -> None:
    """Each outcome is of a row that was given; what became of a name shows in the rows that have it."""
    world = World(tmp_path)
    write_csv(tmp_path / "p.csv", [("A", "New"), ("B", "new"), ("C", "Globex"), ("D", " ")], ("Code", "Client"))
    outcomes = loaded(world, tmp_path / "p.csv", made, checkpoint=world.checkpoint)
    assert sorted(one.line for one in outcomes if isinstance(one, Done)) == [2, 3, 4]
    assert [(one.line, one.errors[0].code) for one in outcomes if isinstance(one, Invalid)] == [(5, "missing")]
    companies = {one.attributes["name"]: one for one in world.sandbox.store.table("companies").values()}
    assert companies["New"].attributes.get("billing_name") == (None if made is True else "a")
    assert "new" not in companies
    assert [one.line for one in loaded(world, tmp_path / "p.csv", made, checkpoint=world.checkpoint)] == [5]


def test_a_program_is_told_why(tmp_path: Path) -> None:
    """What the provider says of a record that it refused, or we of one that lacks something, is told with its rows."""
    write_csv(tmp_path / "p.csv", [("A", "New"), ("B", "Globex")], ("Code", "Client"))
    refused = loaded(World(tmp_path), tmp_path / "p.csv", {"parent_company_id": {"value": 999_999}})
    (error,) = (one.errors[0].error for one in refused if isinstance(one, Invalid))
    assert "line 1, was refused by the provider (parent_company_id: " in error
    unfit = loaded(World(tmp_path), tmp_path / "p.csv", {"due_days": {"column": "Code"}})
    (error,) = (one.errors[0].error for one in unfit if isinstance(one, Invalid))
    assert error == "its row of 'missing-companies-by-name', line 1, is invalid (due_days: not_an_integer)"
    assert sum(isinstance(one, Done) for one in (*refused, *unfit)) == 2


@pytest.mark.parametrize("kind", ["iterable", "live"])
def test_rows_that_come_once(kind: str, tmp_path: Path) -> None:
    """Names are read before the rows that have them: what can be read only once is refused, with what to do."""
    world = World(tmp_path)
    rows = [{"Code": "A", "Client": "New"}]

    async def live() -> AsyncIterator[dict[str, str]]:
        for row in rows:
            yield row

    with pytest.raises(UsageError, match="can be read only once") as caught:
        loaded(world, rows if kind == "iterable" else live())
    assert "save the rows to a file" in str(caught.value.hint)


def test_standard_input_comes_once(tmp_path: Path) -> None:
    """So is standard input."""
    path = tmp_path / "import.toml"
    path.write_text((HEAD + CLIENT).replace('"projects.csv"', '"-"\nformat = "csv"'))
    world = World(tmp_path)
    world.spec = read_import(path)
    with pytest.raises(UsageError, match="create_missing reads the names of projects before its rows"):
        world.run()
