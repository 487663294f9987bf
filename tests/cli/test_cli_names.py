"""Names that lead to no record, or to several: each is listed once, however many rows have it."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from cli_program import Ended, Place

Program = Callable[..., Ended]
Sandbox = Callable[..., Place]
ADA = "ada.lovelace@northwind.example"
IMPORT = """
provider = "productive"
name = "names"
[[load]]
resource = "time_entries"
source = "hours.csv"
[load.fields]
date = "date"
time = "time"
person_id = { column = "Who", lookup = "people", by = "email" }
service_id = { column = "For", lookup = "services", by = "name" }
"""


def seed(place: Place, **records: Any) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(urljoin(place.url, "/__sandbox/seed"), json.dumps(records).encode(), method="POST")
    with direct.open(asked, timeout=5) as answer:
        assert answer.status == 201


@pytest.fixture
def files(tmp_path: Path, sandbox: Sandbox) -> Place:
    """Write an import of 200 rows with three unknown people and two services of one name; return its sandbox."""
    place = sandbox()
    seed(place, services=[{"name": name, "deal_id": 801} for name in ("Work", "Twin", "twin ")])
    who = {0: "ada.lovelace@northwind.exampel", 1: "nobody", 2: "eve@nowhere.example"}
    people = [who.get(at % 100, ADA) if at % 100 < 2 or at == 2 else ADA for at in range(200)]
    rows = [
        f"2026-01-{1 + at % 28:02},60,{one},{'Twin' if at == 150 else 'TWIN' if at == 151 else 'Work'}"
        for at, one in enumerate(people)
    ]
    (tmp_path / "hours.csv").write_text("\n".join(["date,time,Who,For", *rows]) + "\n")
    (tmp_path / "import.toml").write_text(IMPORT)
    return place


def told(names: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(one["column"], one["field"], one["code"], one["name"], one["rows"], one["line"]) for one in names}


NAMES = {
    ("Who", "person_id", "unknown_reference", "ada.lovelace@northwind.exampel", 2, 2),
    ("Who", "person_id", "unknown_reference", "nobody", 2, 3),
    ("Who", "person_id", "unknown_reference", "eve@nowhere.example", 1, 4),
    ("For", "service_id", "ambiguous_reference", "TWIN", 1, 153),
}


def test_a_plan_lists_every_name_once(headrace: Program, files: Place) -> None:
    """`plan --json` has each name with its rows and remedy; for people they stand together, commonest first."""
    ended = headrace("plan", "import.toml", "--base-url", files.url, "--json", at=files)
    assert ended.code == 3
    assert told(ended.json["names"]) == NAMES
    hints = {one["name"]: one["hint"] for one in ended.json["names"]}
    assert f"did you mean '{ADA}'" in hints["ada.lovelace@northwind.exampel"]
    assert "give the id itself" in hints["TWIN"]
    text = headrace("plan", "import.toml", "--base-url", files.url, at=files).out
    assert text.count("nobody") == text.count("eve@nowhere.example") == 1
    assert text.index("nobody") < text.index("eve@nowhere.example")
    assert "2 rows, first at line 3" in text


def test_a_run_lists_every_name_once(headrace: Program, files: Place) -> None:
    """So does `run`, and `retry` of what is left; a name that was repaired is gone from the list."""
    at = ("--base-url", files.url)
    ran = headrace("run", "import.toml", *at, "--json", "--quiet", at=files)
    assert (ran.code, ran.json["invalid"], ran.json["done"]) == (3, 6, 194)
    assert told(ran.json["names"]) == NAMES
    rejects = Path("import.results") / "time_entries.rejects.csv"
    rejects.write_text(rejects.read_text().replace("nobody", ADA))
    retried = headrace("retry", "import.headrace", *at, "--json", "--quiet", at=files)
    assert (retried.json["done"], retried.json["invalid"]) == (196, 4)
    assert told(retried.json["names"]) == {one for one in NAMES if one[3] != "nobody"}
    text = headrace("retry", "import.headrace", *at, at=files).out
    assert text.count("eve@nowhere.example") == 1
    assert 'hours.csv:2 "Who" -> person_id: there is no such email among the people' in text


def test_without_unknown_names_there_is_no_list(
    headrace: Program, sandbox: Sandbox, hours: Callable[..., Path]
) -> None:
    """Other faults are no names."""
    place, file = sandbox(), hours(5, r2="2026-02-31,60,201,901,bad date")
    to = ("--to", "productive:time_entries", "--base-url", place.url, "--json", "--quiet")
    assert headrace("plan", file, *to, at=place).json["names"] == []
    assert "names" not in headrace("run", file, *to, at=place).json


def test_what_is_missing_is_named_before_it_is_created(headrace: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    """`plan` says which names will be created, `run` how many were, `status` counts them as a load of their own."""
    place = sandbox()
    people = [ADA, "eve@new.example", "EVE@new.example"]
    rows = [f"2026-01-0{1 + at},60,{who},901" for at, who in enumerate(people)]
    (tmp_path / "hours.csv").write_text("\n".join(["date,time,Who,For", *rows]) + "\n")
    made = 'by = "email", create_missing = { company_id = { value = 101 }, role_id = { value = 2 } } }'
    text = IMPORT.replace('by = "email" }', made).replace(
        '{ column = "For", lookup = "services", by = "name" }', '"For"'
    )
    (tmp_path / "import.toml").write_text(text)
    title, options = "missing-people-by-email", ["import.toml", "--base-url", place.url]
    planned = headrace("plan", *options, at=place)
    assert planned.code == 0
    assert f"{title}: 1 of 2 names are not there and will be created: eve@new.example" in planned.err
    first, second = headrace("plan", *options, "--json", at=place).json["loads"]
    assert (first["name"], first["rows"], first["there"], first["requests"]) == (title, 2, 1, 1)
    assert (second["name"], second["rows"], second["there"]) == ("time_entries", 3, 0)
    ended = headrace("run", *options, at=place)
    assert ended.code == 0
    assert f"{title}: 1 of 2 names are there already, 1 were created" in ended.err
    status = headrace("status", "import.headrace", "--json").json
    assert [(one["name"], one["done"], one["skipped"]) for one in status["loads"]] == [
        (title, 1, 1),
        ("time_entries", 3, 0),
    ]
