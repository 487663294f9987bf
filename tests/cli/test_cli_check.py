"""`headrace check`: every fault of every row, offline."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_program import Ended

from headrace.cli.faultlist import Finding, grouped, lines
from headrace.model import Fault

Program = Callable[..., Ended]
TO = ("--to", "productive:time_entries")
BAD = {"r3": "2026-13-01,0,x,901,two", "r7": "2026-02-30,60,201,901,one"}


def test_a_valid_file_is_exit_0(headrace: Program, hours: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wrong: exit 0, and the next command is suggested, with all that it needs."""
    command = ("check", str(hours(20)), *TO, "--delimiter", ",")
    monkeypatch.setattr("sys.argv", ["headrace", *command])
    ended = headrace(*command)
    assert ended.code == 0
    assert "20 rows, all valid" in ended.out
    assert f"next: headrace run {command[1]} --to productive:time_entries --delimiter ,\n" in ended.out


def test_every_fault_of_every_row_is_told(headrace: Program, hours: Callable[..., Path]) -> None:
    """All faults of a row come at once, each with file, line, column, value, sentence and hint; exit 3."""
    file = hours(20, **BAD)
    ended = headrace("check", file, *TO, "--json")
    assert ended.code == 3
    assert (ended.json["rows"], ended.json["valid"], ended.json["invalid"]) == (20, 18, 2)
    found = [(error["line"], error["field"]) for error in ended.json["errors"]]
    assert sorted(found) == [(5, "date"), (5, "person_id"), (5, "time"), (9, "date")]
    keys = {"file", "line", "column", "field", "code", "value", "error", "hint"}
    assert all(set(error) == keys and error["file"] == str(file) for error in ended.json["errors"])
    assert {error["value"] for error in ended.json["errors"]} == {"2026-13-01", "0", "x", "2026-02-30"}


def test_the_same_fault_is_told_once(headrace: Program, hours: Callable[..., Path]) -> None:
    """For people the same fault of many rows is one block, with how many and where first."""
    ended = headrace("check", hours(40, **{f"r{n}": f"31.01.2026,60,201,901,{n}" for n in range(10, 30)}), *TO)
    assert ended.out.count("error[not_a_date]") == 1
    assert "hours.csv:12" in ended.out
    assert "20 rows, first at line 12; also 13, 14, 15, 16, 17 and 14 more" in ended.out
    assert "31.01.2026" in ended.out
    assert "  help: " in ended.out


def test_a_limit_takes_the_first_rows(headrace: Program, hours: Callable[..., Path]) -> None:
    """With --limit the rows behind are not looked at."""
    ended = headrace("check", hours(20, **BAD), *TO, "--limit", "3", "--json")
    assert (ended.code, ended.json["rows"]) == (0, 3)


def test_an_import_file_is_checked_as_a_whole(headrace: Program, hours: Callable[..., Path], tmp_path: Path) -> None:
    """All loads of an import file are checked, relative to it."""
    hours(5, "a.csv")
    hours(5, "b.csv", r1="x,60,201,901,n")
    loads = "".join(f'[[load]]\nname = "{n}"\nresource = "time_entries"\nsource = "{n}.csv"\n' for n in "ab")
    (tmp_path / "import.toml").write_text(f'provider = "productive"\nname = "two"\n{loads}')
    ended = headrace("check", tmp_path / "import.toml", "--json")
    assert (ended.code, ended.json["rows"], ended.json["invalid"]) == (3, 10, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", ""),
        ("lacks.csv", "date,time\n2026-01-01,60\n"),
        ("open.csv", 'date,time,person_id,service_id,note\n2026-01-01,60,201,901,"open\n'),
        ("what.bin", "x"),
        ("bad.toml", "provider = "),
        ("key.toml", 'provider = "productive"\nname = "x"\nlaod = []\n'),
        ("none.toml", 'provider = "nobody"\nname = "x"\nload = []\n'),
    ],
)
def test_a_file_that_cannot_be_used_is_exit_2(headrace: Program, tmp_path: Path, name: str, content: str) -> None:
    """An empty file, one without a required column, one that cannot be read: one message with the remedy, exit 2."""
    (tmp_path / name).write_text(content)
    ended = headrace("check", name, *(TO if not name.endswith(".toml") else ()))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error[")
    assert "Traceback" not in ended.err


def test_options_of_data_files_do_not_go_with_import_files(headrace: Program, tmp_path: Path) -> None:
    """What an import file says itself cannot be said again."""
    (tmp_path / "import.toml").write_text('provider = "productive"\nname = "x"\nload = []\n')
    ended = headrace("check", "import.toml", "--key", "a")
    assert ended.code == 2
    assert "--key is for data files" in ended.err


def test_reading_options_reach_the_source(headrace: Program, tmp_path: Path) -> None:
    """--format, --delimiter and --encoding are those of the data file."""
    rows = "date|time|person_id|service_id|note\n2026-01-01|60|201|901|Größe\n"
    (tmp_path / "hours.dat").write_bytes(rows.encode("cp1252"))
    how = ("--format", "csv", "--delimiter", "|", "--encoding", "cp1252")
    assert headrace("check", "hours.dat", *TO, *how, "--json").json["valid"] == 1


def test_faults_without_a_column_are_told_by_field() -> None:
    """A fault names the column and the field, or the one of them that there is."""

    def told(**facts: str) -> str:
        fault = Fault(code="c", error="wrong", **facts)
        return next(lines(grouped([Finding("f.csv", 3, fault)])[0])).plain

    assert told(column="Day", field="date") == 'error[c] f.csv:3 "Day" -> date: wrong'
    assert told(column="date", field="date") == 'error[c] f.csv:3 "date": wrong'
    assert told(field="date") == "error[c] f.csv:3 date: wrong"
    assert told() == "error[c] f.csv:3: wrong"
