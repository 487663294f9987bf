"""`headrace plan` against the sandbox: what is told, to people and to machines, and how it fails."""

import json
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from cli_program import Ended, Place

from headrace import Plan
from headrace import plan as headrace_plan
from headrace import run as headrace_run
from headrace.cli.text import span

Program = Callable[..., Ended]
Sandbox = Callable[..., Place]
Hours = Callable[..., Path]
TO = ("--to", "productive:time_entries")
KEYS = {"rows", "valid", "invalid", "lookups", "requests", "seconds", "binding_limit", "loads"}
LOAD = {"resource", "rows", "requests", "guarantee", "promise"}
SAMPLE = Path(__file__).parents[2] / "samples" / "productive" / "import.toml"


def audit(place: Place) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urljoin(place.url, "/__sandbox/audit"), timeout=5) as answer:
        return json.load(answer)


def test_the_plan_for_machines(headrace: Program, sandbox: Sandbox, hours: Hours, tmp_path: Path) -> None:
    """One object with the documented keys; nothing was written there or here; the run then sends what it says."""
    place = sandbox(window="sliding")
    file = hours(250, r9="2026-02-31,60,201,901,bad date")
    ended = headrace("plan", file, *TO, "--base-url", place.url, "--json", "--quiet", at=place)
    assert (ended.code, ended.err) == (3, "")
    told = ended.json
    assert told.keys() > KEYS
    assert (told["rows"], told["valid"], told["invalid"], told["lookups"], told["requests"]) == (250, 249, 1, 0, 4)
    (load,) = told["loads"]
    assert load.keys() > LOAD
    assert (load["resource"], load["rows"], load["requests"], load["guarantee"]) == (
        "time_entries",
        250,
        3,
        "NaturalKey",
    )
    assert load["promise"].startswith("once")
    assert [(error["line"], error["field"]) for error in told["errors"]] == [(11, "date")]
    assert datetime.fromisoformat(told["ends"]).tzinfo is not None
    assert told["is_shared"] is True
    assert audit(place)["methods"] == {"GET": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["hours.csv"]
    ran = headrace("run", file, *TO, "--base-url", place.url, "--json", "--quiet", at=place)
    assert (ran.json["requests"], ran.json["done"]) == (4, 249)
    rest = headrace("plan", file, *TO, "--base-url", place.url, "--json", at=place).json
    assert (rest["rows"], rest["valid"], rest["settled"], rest["requests"]) == (1, 0, 249, 1)


def test_the_plan_for_people(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """Rows, requests, promise, waiting times, end, what binds, what bulk saves, the budget, and the next command."""
    place = sandbox(window="sliding")
    how = ("--base-url", place.url, "--no-bulk", "--deadline", "10s")
    ended = headrace("plan", hours(5_000), *TO, *how, at=place)
    assert ended.code == 0
    for words in (
        "time_entries  5,000  5,000        0     5,000  one row each",
        "a row is created once, by counting matching records",
        "looked up after 3 min (2 min for it to be stored, 1 min for it to show)",
        "5,001 requests: 5,000 with rows, 1 to begin with",
        "what binds is 4000/1800s",
        "in batches of 100: 51 requests, 5 s",
        "--deadline 10 s comes before",
        "is spent and taken into account",
        "next: headrace",
    ):
        assert words in ended.out, words
    assert "done in 31 min" in ended.out
    assert "nothing is written" in ended.err


def test_lookups_and_loads_are_listed(headrace: Program, sandbox: Sandbox) -> None:
    """A whole import: what is looked up before which load, by what and in how many requests."""
    place = sandbox(window="sliding")
    ended = headrace("plan", SAMPLE, "--base-url", place.url, at=place)
    assert ended.code == 0
    assert "before projects: names of workflows by name (2 records, 1 request)" in ended.out
    assert "115 requests: 110 with rows, 4 for names, 1 to begin with" in ended.out
    assert "with --no-bulk: 197 requests, " in ended.out


def test_names_that_are_not_there_are_told_as_faults(headrace: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    """`check` cannot know them, `plan` does: exit 3, grouped, with the name that was meant."""
    place = sandbox()
    (tmp_path / "journal.csv").write_text("date,time,who\n2026-03-02,5,Ada Lovelase\n2026-03-03,5,Ada Lovelase\n")
    (tmp_path / "import.toml").write_text("""
provider = "productive"
name = "journal"
[[load]]
resource = "time_entries"
source = "journal.csv"
[load.fields]
person_id = { column = "who", lookup = "people", by = "name" }
service_id = { value = 901 }
""")
    assert headrace("check", "import.toml").code == 0
    ended = headrace("plan", "import.toml", "--base-url", place.url, at=place)
    assert ended.code == 3
    assert "error[unknown_reference]" in ended.out
    assert "2 rows, first at line 2; also 3" in ended.out
    assert "did you mean 'Ada Lovelace'?" in ended.out


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "another"}, 6),
        ({"url": "/nowhere"}, 2),
    ],
)
def test_it_fails_as_a_run_does(
    headrace: Program, sandbox: Sandbox, hours: Hours, change: dict[str, str], code: int
) -> None:
    """A token that is not valid, an address that is not the API's: exit 6 and 2."""
    place = sandbox()
    changed = place._replace(
        **{name: urljoin(place.url, value) if name == "url" else value for name, value in change.items()}
    )
    for command in ("plan", "run"):
        ended = headrace(command, hours(3), *TO, "--base-url", changed.url, "--json", at=changed)
        assert ended.code == code
        assert ended.error["code"] in {"credentials", "address"}


def test_another_mapping_is_not_planned_either(headrace: Program, sandbox: Sandbox, hours: Hours) -> None:
    """A checkpoint of another mapping or target ends the plan with exit 9, unless the change is accepted."""
    place = sandbox()
    to = ("--base-url", place.url)
    file = hours(5)
    headrace("run", file, *TO, *to, at=place)
    assert headrace("plan", file, *TO, "--key", "note", *to, "--json", at=place).error["code"] == "changed"
    accepted = headrace("plan", file, *TO, "--key", "note", *to, "--accept-mapping-change", "--json", at=place)
    assert (accepted.code, accepted.json["settled"]) == (0, 5)
    assert headrace("plan", file, *TO, "--base-url", sandbox().url, at=place).code == 9


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_599, "59 min 59 s"), (7_200, "2 h"), (9_000, "2 h 30 min")],
)
def test_spans_are_told_in_words(seconds: float, words: str) -> None:
    """Seconds below an hour, minutes above."""
    assert span(seconds) == words


def test_the_plan_of_a_program(sandbox: Sandbox, hours: Hours, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headrace.plan` is the same without a command line; like `run` it takes the credentials from the environment."""
    place = sandbox()
    monkeypatch.chdir(tmp_path)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    hours(120)
    file = tmp_path / "import.toml"
    file.write_text('provider = "productive"\nname = "x"\n[[load]]\nresource = "time_entries"\nsource = "hours.csv"\n')
    planned = headrace_plan(file, base_url=place.url)
    assert isinstance(planned, Plan)
    assert (planned.requests, planned.exit_code, planned.loads[0].batch_size) == (3, 0, 100)
    assert planned.loads[0].requests == headrace_run(file, base_url=place.url).summary.requests - 1 == 2
