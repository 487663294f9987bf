"""`headrace demo`: its data and its folder. All of it, most of a minute, is run with the README's first command."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Ended

from headrace.cli.demo_data import BAD_HOURS, BAD_ON_SITE, HOURS, ON_SITE, import_file, tables
from headrace.cli.demonstration import _furnish, _surprises, _verdict
from headrace.errors import UsageError
from headrace.importfile import read_import
from headrace.providers import PROVIDERS

Program = Callable[..., Ended]
OFFLINE = {number for number, (column, _) in BAD_HOURS.items() if column in {"Day", "Hours", "Service no"}}
"""Bad rows that can be told without knowing what the provider has."""


def test_the_data_is_the_same_at_every_call() -> None:
    """The demo is repeatable."""
    assert tables() == tables()


def test_the_data_is_as_large_as_promised() -> None:
    """At least 5,000 time entries, and no two rows of a file alike, so that the audit's duplicates are ours."""
    files = tables()
    assert len(files["hours.csv"]) - 1 == HOURS >= 5_000
    assert len(files["on-site.csv"]) - 1 == ON_SITE
    assert all(len(set(rows)) == len(rows) for rows in files.values())


def test_the_requests_are_few_enough(tmp_path: Path) -> None:
    """One request a row or a batch, the bisecting of two refused rows and the lookups: at most 350."""
    _furnish(tmp_path)
    requests = 0
    for load in read_import(tmp_path / "import.toml").load:
        resource = PROVIDERS["productive"].resource(load.resource)
        assert resource is not None
        rows = len(tables()[Path(load.source).name]) - 1
        size = resource.bulk.size if resource.bulk and resource.takes_bulk("create") else 1
        requests += -(-rows // size)
    assert requests + 2 * 2 * 7 + 20 <= 350


def test_the_check_finds_the_bad_rows_and_no_others(headrace: Program, tmp_path: Path) -> None:
    """Offline exactly those deliberate mistakes are found that can be found offline."""
    _furnish(tmp_path / "demo")
    ended = headrace("check", "demo/import.toml", "--json")
    assert ended.code == 3
    assert {(Path(error["file"]).name, error["line"] - 1) for error in ended.json["errors"]} == {
        ("hours.csv", number) for number in OFFLINE
    }


def test_a_folder_of_its_own_is_written_over_and_no_other(tmp_path: Path) -> None:
    """A second demo starts afresh; a folder with somebody's files is refused and left alone."""
    own = tmp_path / "own"
    _furnish(own)
    (own / "import.headrace").touch()
    (own / "import.results").mkdir()
    (own / "import.results" / "hours.rejects.csv").touch()
    (own / "mine.txt").touch()
    _furnish(own)
    assert not (own / "import.headrace").exists()
    assert not list((own / "import.results").iterdir())
    assert (own / "mine.txt").exists()
    assert (own / "import.toml").read_text() == import_file()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "import.toml").write_text("mine")
    with pytest.raises(UsageError):
        _furnish(foreign)
    assert (foreign / "import.toml").read_text() == "mine"


def test_a_folder_that_is_a_file_is_exit_2(headrace: Program, tmp_path: Path) -> None:
    """A file in the way is left alone, exit 2."""
    (tmp_path / "taken").touch()
    ended = headrace("demo", "--dir", "taken")
    assert (ended.code, "--dir" in ended.err) == (2, True)


AUDIT = {
    "requests": 281,
    "throttled": 0,
    "duplicates": 0,
    "worst": {"100/10s": 94},
    "created": {"time_entries": HOURS + ON_SITE - len(BAD_HOURS) - len(BAD_ON_SITE)},
}


def test_the_demo_judges_itself() -> None:
    """Everything as designed is no surprise; anything else is one."""
    assert not list(_surprises([130, 3], AUDIT))
    for change in ({"throttled": 1}, {"duplicates": 1}, {"requests": 351}, {"created": {}}):
        assert len(list(_surprises([130, 3], AUDIT | change))) == 1
    assert len(list(_surprises([3, 0], AUDIT))) == 2
    assert _verdict(AUDIT) == "281 requests; 429s: 0; duplicates: 0; the fullest windows: 94 of 100/10s"
