"""`headrace export`: what it prints, what it refuses, and that a killed one goes on."""

import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_program import Ended, Place, finish, start

Program = Callable[..., Ended]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_exporting_for_machines(headrace: Program, sandbox: Callable[..., Place], tmp_path: Path) -> None:
    """One JSON object says what is in the file; the file has a header and a line for each record."""
    place = sandbox()
    ended = headrace("export", "productive:people", "-o", "p.csv", "--base-url", place.url, "--json", at=place)
    assert ended.code == 0
    assert set(ended.json) == {"resource", "rows", "requests", "throttled", "seconds", "file"}
    assert (ended.json["resource"], ended.json["file"], ended.json["requests"]) == ("people", "p.csv", 1)
    assert len(rows(tmp_path / "p.csv")) == ended.json["rows"] > 0


def test_standard_output_has_a_record_a_line(headrace: Program, sandbox: Callable[..., Place]) -> None:
    """`-o -` prints JSON Lines and nothing else on stdout."""
    place = sandbox()
    where = ("--base-url", place.url, "--quiet")
    ended = headrace("export", "productive:people", "-o", "-", "--filter", "email.contains=@", *where, at=place)
    assert ended.code == 0
    assert all("@" in json.loads(line)["email"] for line in ended.out.splitlines())
    assert headrace("export", "productive:people", "-o", "-", "--json", "--base-url", place.url).code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("productive:peple", "-o", "p.csv"), "did you mean 'people'"),
        (("productive:people", "-o", "p.xlsx"), ".csv or .jsonl"),
        (("productive:people", "-o", "p.csv", "--filter", "email"), "NAME=VALUE"),
        (("productive:people", "-o", "p.csv", "--filter", "a=1", "--filter", "a.eq=1"), "a.eq=VALUE"),
        (("productive:people", "-o", "p.csv", "--filter-json", "[1]"), "$op"),
        (("productive:people", "-o", "p.csv", "--group", "person"), "leave --group out"),
        (("productive:time_reports", "-o", "p.csv"), "--group"),
        (("productive:people", "-o", "gone/p.csv"), "Check the folder"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(
    headrace: Program, sandbox: Callable[..., Place], tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """The remedy is named, and no file is made."""
    place = sandbox()
    ended = headrace("export", *options, "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert said in ended.error["hint"]
    assert not [*tmp_path.iterdir()]


def test_cells_that_a_spreadsheet_would_run(headrace: Program, sandbox: Callable[..., Place], tmp_path: Path) -> None:
    """The records come as they are; only with --spreadsheet is a formula none."""
    place = sandbox()
    (tmp_path / "c.csv").write_text("name\n=1+1\n")
    run = ("run", "c.csv", "--to", "productive:companies", "--base-url", place.url, "--quiet", "--yes")
    assert headrace(*run, at=place).code == 0
    what = ("export", "productive:companies", "--fields", "name", "--base-url", place.url, "--quiet")
    headrace(*what, "-o", "a.csv")
    headrace(*what, "-o", "b.csv", "--spreadsheet")
    assert [file[-1]["name"] for file in (rows(tmp_path / "a.csv"), rows(tmp_path / "b.csv"))] == ["=1+1", "'=1+1"]


AGILED = """
provider = "agiled"
name = "x"
base_url = "{url}"
[provider_fields.projects]
name = "status"
status = "name"
[[load]]
resource = "projects"
source = "p.csv"
"""


def test_the_settings_of_an_import_file_hold(
    headrace: Program, sandbox: Callable[..., Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user says about names of fields and the address is heeded; a file about another provider is an error."""
    place = sandbox(provider="agiled")
    monkeypatch.setenv("HEADRACE_AGILED_TOKEN", place.token)
    (tmp_path / "import.toml").write_text(AGILED.format(url=place.url))
    assert headrace("export", "agiled:projects", "-o", "p.csv", "--settings", "import.toml", "--quiet").code == 0
    assert [(row["name"], row["status"]) for row in rows(tmp_path / "p.csv")] == [
        ("active", "Acme website"),
        ("active", "Globex app"),
    ]
    what = ("export", "productive:projects", "-o", "q.csv", "--settings", "import.toml", "--json")
    ended = headrace(*what, at=place)
    assert (ended.code, ended.error["message"]) == (2, "import.toml is about agiled")
    (tmp_path / "import.toml").write_text(AGILED.format(url=place.url).replace('name = "status"', 'nmae = "x"'))
    ended = headrace("export", "agiled:projects", "-o", "q.csv", "--settings", "import.toml", "--json")
    assert (ended.code, "'nmae'" in ended.error["message"]) == (2, True)


@pytest.mark.real
def test_a_killed_export_goes_on(start_sandbox: Callable[..., Any], tmp_path: Path) -> None:
    """SIGKILL between two pages: the same command goes on, asks for the rest only, and every record is there once."""
    server = start_sandbox("--window", "off", "--latency", "60-60")
    environment = {**os.environ, **server.environment}
    records = "".join(f"2026-01-{1 + at % 28:02},{1 + at % 600},201,901,row {at}\n" for at in range(3_000))
    (tmp_path / "h.csv").write_text(f"date,time,person_id,service_id,note\n{records}")
    where = ("--base-url", server.url, "--no-limits", "--json", "--quiet")
    run = start("run", "h.csv", "--to", "productive:time_entries", *where, cwd=tmp_path, env=environment)
    assert finish(run).code == 0
    command = ("export", "productive:time_entries", "-o", "t.csv", *where)
    process = start(*command, cwd=tmp_path, env=environment)
    state = tmp_path / "t.csv.part.json"
    deadline = time.monotonic() + 20
    while not (state.exists() and 0 < json.loads(state.read_bytes())["rows"] < 2_000):
        assert time.monotonic() < deadline, "it never got that far"
        time.sleep(0.005)
    process.kill()
    process.communicate()
    before = json.loads(state.read_bytes())["rows"]
    assert not (tmp_path / "t.csv").exists()
    ended = finish(start(*command, cwd=tmp_path, env=environment))
    assert (ended.code, ended.json["rows"]) == (0, 3_000)
    assert ended.json["requests"] <= (3_000 - before) / 200 + 1
    assert sorted(row["note"] for row in rows(tmp_path / "t.csv")) == sorted(f"row {at}" for at in range(3_000))
