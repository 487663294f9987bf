"""Targets and places that cannot be meant: one clear message, the right exit code, nothing sent and nothing left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Ended, Place

Program = Callable[..., Ended]

HOURS = "date,time,person_id,service_id,nte\n2026-01-01,5,201,901,hello\n"
TO = ("--to", "productive:time_entries")


def test_an_empty_base_url_never_means_the_real_one(headrace: Program, tmp_path: Path) -> None:
    """An unset shell variable must not turn a rehearsal into writes to the provider."""
    (tmp_path / "hours.csv").write_text(HOURS)
    ended = headrace("run", "hours.csv", *TO, "--base-url", "", "--json", at=Place("", "token", "948"))
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert not list(tmp_path.glob("*.headrace*"))


@pytest.mark.parametrize("organization", ["9\r\nX: 1", "ö"])
def test_an_organization_that_fits_no_header_is_refused(headrace: Program, tmp_path: Path, organization: str) -> None:
    """What was copied with a line end is a matter of credentials, not a bug."""
    (tmp_path / "hours.csv").write_text(HOURS)
    place = Place("", "token", organization)
    ended = headrace("run", "hours.csv", *TO, "--base-url", "http://127.0.0.1:9/api/v2", "--json", at=place)
    assert (ended.code, ended.error["code"]) == (6, "credentials")


def test_a_file_in_the_place_of_the_results_is_named(
    headrace: Program, sandbox: Callable[..., Place], tmp_path: Path
) -> None:
    """A file called like the results folder is the user's; it is named and left alone."""
    (tmp_path / "hours.csv").write_text(HOURS)
    (tmp_path / "hours.results").write_text("mine")
    place = sandbox()
    ended = headrace("run", "hours.csv", *TO, "--base-url", place.url, "--json", at=place)
    assert ended.code == 2
    assert "hours.results" in ended.error["message"]
    assert (tmp_path / "hours.results").read_text() == "mine"


def test_a_column_that_nothing_takes_is_named(headrace: Program, tmp_path: Path) -> None:
    """A misspelt optional column would lose its cells unsaid."""
    (tmp_path / "hours.csv").write_text(HOURS)
    ended = headrace("check", "hours.csv", *TO)
    assert ended.code == 0
    assert "'nte' goes nowhere; did you mean 'note'?" in " ".join((ended.out + ended.err).split())


def test_a_checkpoint_in_a_folder_that_is_not_there_is_named(
    headrace: Callable[..., Ended], sandbox: Callable[..., Place], hours: Callable[..., Path]
) -> None:
    """Where state cannot be kept nothing is sent: exit 2, and the path in the message."""
    place = sandbox()
    hours(3)
    run = ("run", "hours.csv", "--to", "productive:time_entries", "--base-url", place.url, "--json")
    ended = headrace(*run, "--checkpoint", "gone/hours.headrace", at=place)
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert "gone" in ended.error["message"]


def test_another_organization_is_no_place_to_begin(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path]
) -> None:
    """Where all is forbidden, the account too, nothing is begun: exit 6, and no checkpoint that is bound to it."""
    place = sandbox()
    wrong = Place(place.url, place.token, "999")
    file = hours(3)
    run = ("run", file, "--to", "productive:time_entries", "--base-url", place.url)
    ended = headrace(*run, "--json", at=wrong)
    assert (ended.code, ended.error["code"]) == (6, "credentials")
    assert not Path("hours.headrace").exists()
    assert headrace(*run, at=place).code == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://me:canary@api.productive.io/api/v2",
        "https://me:ca@n/canary@api.productive.io/api/v2",
        "me:canary@api.productive.io",
        "https://api.productive.io/api/v2?key=canary",
        "https://api.productive.io/api/v2#canary",
    ],
)
def test_a_secret_in_a_url_is_not_repeated(headrace: Program, tmp_path: Path, url: str) -> None:
    """The error about a base URL that holds a password or a key shows neither."""
    (tmp_path / "h.csv").write_text("date\n", encoding="utf-8")
    ended = headrace("run", "h.csv", "--to", "productive:time_entries", "--base-url", url, at=Place("", "token", "1"))
    assert ended.code == 2
    assert "is no base URL" in ended.err
    assert "canary" not in ended.err
