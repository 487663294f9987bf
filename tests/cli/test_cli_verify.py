"""`headrace verify`: what it prints for people and for machines."""

from collections.abc import Callable
from pathlib import Path

from cli_program import Ended, Place

Program = Callable[..., Ended]


def test_verifying(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path], tmp_path: Path
) -> None:
    """Equal: exit 0. Differing: exit 4, with file, line, field and both values, for people and as JSON."""
    place = sandbox()
    hours(30)
    where = ("--base-url", place.url, "--no-limits", "--quiet")
    run = ("run", "hours.csv", "--to", "productive:time_entries", "--key", "note", *where)
    assert headrace(*run, at=place).code == 0
    ended = headrace("verify", "hours.headrace", *where, "--json")
    assert (ended.code, ended.json["checked"], ended.json["differing"], ended.json["missing"]) == (0, 30, 0, 0)
    assert {"import", "loads", "differences", "minutes", "changed", "requests", "seconds"} < set(ended.json)
    (tmp_path / "gone.csv").write_text("id\n1\n")
    fix = (
        "provider = 'productive'\nname = 'fix'\n[[load]]\nresource = 'time_entries'\nsource = '{}'\noperation = '{}'\n"
    )
    (tmp_path / "delete.toml").write_text(fix.format("gone.csv", "delete"))
    (tmp_path / "wrong.csv").write_text("id,time\n2,700\n")
    (tmp_path / "update.toml").write_text(fix.format("wrong.csv", "update"))
    assert headrace("run", "delete.toml", *where).code == headrace("run", "update.toml", *where).code == 0
    ended = headrace("verify", "hours.headrace", *where)
    assert ended.code == 4
    assert "hours.csv:2: time_entries 1 is not there" in ended.out
    assert "hours.csv:3: time_entries 2: time is '700', and '16' was sent" in ended.out
    assert "minutes were sent, the report has" in ended.out
    machine = headrace("verify", "hours.headrace", *where, "--json").json
    assert [(one["line"], one["field"], one["found"]) for one in machine["differences"]] == [
        (2, None, None),
        (3, "time", 700),
    ]


def test_changed_rows_are_told(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path], tmp_path: Path
) -> None:
    """Rows that say something else now: each with its place, for people and as JSON; without any there is no key."""
    place = sandbox()
    hours(5)
    where = ("--base-url", place.url, "--no-limits", "--quiet")
    assert headrace("run", "hours.csv", "--to", "productive:time_entries", "--key", "note", *where, at=place).code == 0
    assert "changed_rows" not in headrace("verify", "hours.headrace", *where, "--json").json
    header, first, _, *others = (tmp_path / "hours.csv").read_text().splitlines()
    day, _, rest = first.split(",", 2)
    (tmp_path / "hours.csv").write_text("\n".join([header, f"{day},599,{rest}", *others]) + "\n")
    ended = headrace("verify", "hours.headrace", *where)
    assert ended.code == 0
    assert "hours.csv:2: time_entries 1 says something else now" in ended.out
    assert "hours.csv: time_entries 2 is of a row that is not there now" in ended.out
    told = headrace("verify", "hours.headrace", *where, "--json").json
    assert (told["changed"], told["changed_rows"]) == (
        2,
        [
            {"file": "hours.csv", "line": 2, "load": "time_entries", "id": "1"},
            {"file": "hours.csv", "line": None, "load": "time_entries", "id": "2"},
        ],
    )
