"""Results files: what is in them, what happens to them between runs, and that none of a user's edits is lost."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_scene import COLUMNS, load, names, open_checkpoint, row, run, send, source, table
from msgspec import UNSET

from headrace.ledger.cells import exposed, text
from headrace.ledger.sheet import Account, Kind, Line, Sheet
from headrace.model import Row

ROWS = source("abcdef")


def path(folder: Path, kind: str) -> Path:
    """Return where a results file is."""
    return folder / "acme.results" / f"tasks.{kind}.csv"


def test_each_outcome_has_its_file(tmp_path: Path) -> None:
    """Original columns first, ours last; a file without lines does not exist."""
    how = dict(zip("abcdef", ["done", "rejected", "invalid", "in_doubt", "duplicated", "skipped"], strict=True))
    run(tmp_path, ROWS, lambda r: how[r.cells[0]])
    assert table(tmp_path, "success") == [{"name": "a", "note": "x", "remote_id": "id-a-0"}]
    refused = {"note": "x", "field": "note", "code": "invalid_attribute", "error": "is invalid", "hint": ""}
    assert table(tmp_path, "rejects") == [{"name": "b", "line": "3"} | refused, {"name": "c", "line": "4"} | refused]
    assert table(tmp_path, "in-doubt") == [{"name": "d", "note": "x", "line": "5", "why": "no answer"}]
    assert table(tmp_path, "duplicates") == [{"name": "e", "note": "x", "line": "6", "remote_ids": "1; 2"}]
    assert len([*(tmp_path / "acme.results").iterdir()]) == 4


def test_a_file_whose_last_line_went_is_gone(tmp_path: Path) -> None:
    """When all invalid rows have become valid there is no reject file any more."""
    run(tmp_path, ROWS, lambda _: "invalid")
    assert len(table(tmp_path, "rejects")) == 6
    run(tmp_path, ROWS, lambda _: "done")
    assert not path(tmp_path, "rejects").exists()
    assert len(table(tmp_path, "success")) == 6


def test_a_row_that_is_invalid_again_is_told_once(tmp_path: Path) -> None:
    """Judging it again adds no second line, and a row that became valid leaves the file."""
    run(tmp_path, ROWS, lambda r: "invalid" if r.cells[0] in "bd" else "done")
    before = path(tmp_path, "rejects").read_bytes()
    run(tmp_path, ROWS, lambda _: "invalid")
    assert path(tmp_path, "rejects").read_bytes() == before
    run(tmp_path, ROWS, lambda r: "done" if r.cells[0] == "b" else "invalid")
    assert names(tmp_path, "rejects") == {"d": 1}


def test_a_finished_run_changes_no_file(tmp_path: Path) -> None:
    """Running a finished import again sends nothing and writes nothing."""
    run(tmp_path, ROWS, lambda r: "rejected" if r.cells[0] == "c" else "done")
    before = {file: file.read_bytes() for file in (tmp_path / "acme.results").iterdir()}
    assert run(tmp_path, ROWS, lambda _: "done") == []
    assert {file: file.read_bytes() for file in (tmp_path / "acme.results").iterdir()} == before


@pytest.mark.parametrize("kind", ["success", "rejects"])
@pytest.mark.parametrize("edit", [lambda data: data.replace(b",x,", b",y,"), lambda data: data + b"mine\r\n"])
def test_an_edited_file_is_kept_aside(tmp_path: Path, kind: str, edit: Any) -> None:
    """A file that someone changed is never overwritten: it gets another name, and ours is written anew."""
    run(tmp_path, ROWS, lambda r: "rejected" if r.cells[0] in "bc" else "done")
    whole = path(tmp_path, kind).read_bytes()
    path(tmp_path, kind).write_bytes(edit(whole))
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        assert f"kept as tasks.{kind}.1.csv" in ledger.notices[0]
        assert ledger.unsettled(ROWS, COLUMNS) == []
        ledger.finish(6).result(5)
    assert path(tmp_path, f"{kind}.1").read_bytes() == edit(whole)
    assert path(tmp_path, kind).read_bytes() == whole


def test_lost_files_are_written_again(tmp_path: Path) -> None:
    """Deleting the whole folder costs nothing but reading the source once more."""
    run(tmp_path, ROWS, lambda r: "rejected" if r.cells[0] in "bc" else "done")
    before = {file: file.read_bytes() for file in (tmp_path / "acme.results").iterdir()}
    for file in before:
        file.unlink()
    assert run(tmp_path, ROWS, lambda _: "done") == []
    assert {file: file.read_bytes() for file in (tmp_path / "acme.results").iterdir()} == before


def test_files_of_another_checkpoint_are_kept_aside(tmp_path: Path) -> None:
    """The ids of an import whose checkpoint was deleted are not overwritten by the next one."""
    run(tmp_path, ROWS, lambda _: "done")
    (tmp_path / "acme.headrace").unlink()
    run(tmp_path, ROWS[:2], lambda _: "done")
    assert names(tmp_path, "success") == {"a": 1, "b": 1}
    assert len(names(tmp_path, "success.1")) == 6


def test_refused_rows_are_told_under_their_new_lines(tmp_path: Path) -> None:
    """After the source was sorted the reject file names the lines of the sorted one."""
    run(tmp_path, ROWS, lambda r: "rejected" if r.cells[0] in "ae" else "done")
    backwards = [row(offset, one.cells[0]) for offset, one in enumerate(reversed(ROWS))]
    assert run(tmp_path, backwards, lambda _: "done", fingerprint=b"two") == []
    assert [(line["name"], line["line"]) for line in table(tmp_path, "rejects")] == [("e", "3"), ("a", "7")]


@pytest.mark.parametrize("kind", ["done", "rejected"])
def test_columns_may_grow(tmp_path: Path, kind: str) -> None:
    """JSON rows bring new keys: at the end there is one header, and every cell is under its own column."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        for offset, columns in enumerate([("a",), ("a", "b"), ("a", "b", "line")]):
            one = Row(offset, offset + 2, bytes([offset]) * 16, [f"{offset}{name}" for name in columns])
            send(ledger, ledger.unsettled([one], columns), kind)
        ledger.finish(3).result(5)
    lines = table(tmp_path, {"done": "success", "rejected": "rejects"}[kind])
    assert [(one["a"], one["b"], one["line"]) for one in lines] == [
        ("0a", "", ""),
        ("1a", "1b", ""),
        ("2a", "2b", "2line"),
    ]
    if kind == "rejected":
        assert [one["headrace_line"] for one in lines] == ["2", "3", "4"]


def test_columns_in_another_order_stay_under_their_names(tmp_path: Path) -> None:
    """A resumed source whose columns moved, or are fewer at first, is written under the file's header."""
    run(tmp_path, ROWS[:1], lambda _: "done")
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        one = Row(1, 3, b"k" * 16, ["n", "b", "new"])
        send(ledger, ledger.unsettled([one], ("note", "name", "more")))
        ledger.finish(2).result(5)
    assert table(tmp_path, "success")[1] == {"name": "b", "note": "n", "more": "new", "remote_id": "id-n-1"}


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CELL = st.one_of(TEXT, st.integers(), st.none(), st.just(UNSET), st.lists(st.booleans(), max_size=2))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=5))
def test_results_read_back(tmp_path_factory: pytest.TempPathFactory, cells: list[list[Any]]) -> None:
    """Whatever the cells, they are in the file as text, protected reversibly, in their order."""
    folder = tmp_path_factory.mktemp("results")
    rows = [Row(offset, offset + 1, bytes(16), some) for offset, some in enumerate(cells)]
    run(folder, rows, lambda _: "done")
    read = [[exposed(line["name"]), exposed(line["note"])] for line in table(folder, "success")]
    assert read == [[text(cell) for cell in some] for some in cells]


def test_surplus_cells_of_a_broken_row_are_kept(tmp_path: Path) -> None:
    """A row with more cells than columns is in the reject file with all of them, before our columns."""
    sheet = Sheet(tmp_path / "x.csv", Kind.REJECTS, Account())
    sheet.append([Line(Kind.REJECTS, ("a",), ["1", "2", "3"], ("7", "", "extra_cells", "", ""), 0, 1)])
    sheet.close()
    assert (tmp_path / "x.csv").read_bytes().endswith(b"1,2,3,7,,extra_cells,,\r\n")


def test_lines_are_in_the_order_of_the_source(tmp_path: Path) -> None:
    """However requests overtake each other, the reject file is sorted by line in the end."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        rows = ledger.unsettled(ROWS, COLUMNS)
        for one in reversed(rows):
            send(ledger, [one], "rejected")
        ledger.note([]).result(5)
        ledger.finish(6).result(5)
    assert [line["name"] for line in table(tmp_path, "rejects")] == list("abcdef")
