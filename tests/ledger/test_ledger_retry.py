"""Retrying: the repaired rows of a reject file, and only those, sent once more."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, batch, killed, load, names, open_checkpoint, row, run, settled, source, table

from headrace.errors import SourceError, UsageError
from headrace.ledger.cells import render
from headrace.ledger.retry import RetryLedger
from headrace.model import Invalid, Row, Settled

ROWS = source("abcdefgh")
REFUSED = "bcde"


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    """Import the rows, of which four are refused; return the reject file."""
    run(
        tmp_path,
        ROWS,
        lambda r: "done" if r.cells[0] not in REFUSED else "invalid" if r.cells[0] == "e" else "rejected",
    )
    return tmp_path / "acme.results" / "tasks.rejects.csv"


def edit(path: Path, change: Callable[[dict[str, str]], dict[str, str] | None], delimiter: str = ",") -> None:
    """Change or drop lines of a reject file, as someone in a spreadsheet would."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = [*csv.DictReader(file)]
    kept = [new for new in map(change, lines) if new is not None]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*lines[0]], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(kept)


def repair(path: Path) -> None:
    """Give all rows another note."""
    edit(path, lambda line: line | {"note": f"repaired {line['name']}"})


def all_rows(ledger: RetryLedger) -> list[Row]:
    """Return the rows of a retry."""
    return [one for some in ledger.rows() for one in some]


def send(ledger: RetryLedger, rows: list[Row], how: str) -> None:
    """Send rows in one request that ends `how`."""
    ledger.settle(ledger.intend(batch(rows)).result(5), settled(rows, how)).result(5)


def test_repaired_rows_are_done_and_the_others_stay(tmp_path: Path, rejects: Path) -> None:
    """Counts move from rejected to done; what is refused again has its new cells; what was not sent stays as edited."""
    repair(rejects)
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        assert retry.columns == COLUMNS
        b, c, d, e = all_rows(retry)
        assert [(one.line, one.key, one.cells[1]) for one in (b, e)] == [
            (3, ROWS[1].key, "repaired b"),
            (6, ROWS[4].key, "repaired e"),
        ]
        send(retry, [b], "done")
        send(retry, [c], "rejected")
        send(retry, [d], "not_attempted")
        retry.note([Settled(e, Invalid(e.offset, e.line, settled([e], "invalid")[0].outcome.errors))]).result(5)
        retry.finish().result(5)
        counts = checkpoint.counts()
        assert (counts.rows, counts.done, counts.rejected, counts.invalid, counts.not_attempted) == (8, 5, 2, 1, 0)
    assert [(line["name"], line["note"]) for line in table(tmp_path, "rejects")] == [
        (name, f"repaired {name}") for name in "cde"
    ]
    assert not rejects.with_name("tasks.rejects.retry.csv").exists()
    assert {"name": "b", "note": "repaired b", "remote_id": "id-b-1"} in table(tmp_path, "success")


def test_a_retried_row_is_known_to_later_runs(tmp_path: Path, rejects: Path) -> None:
    """Neither the same source nor a sorted one sends it again, though its cells were repaired."""
    repair(rejects)
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        send(retry, all_rows(retry), "done")
        retry.finish().result(5)
    assert not rejects.exists()
    assert run(tmp_path, ROWS, lambda _: "done") == []
    backwards = [row(offset, one.cells[0]) for offset, one in enumerate(reversed(ROWS))]
    assert run(tmp_path, backwards, lambda _: "done", fingerprint=b"two") == []
    assert sum(names(tmp_path, "success").values()) == 8


def test_a_row_is_retried_after_its_source_changed(tmp_path: Path, rejects: Path) -> None:
    """Lines in the reject file are those of the latest source, and lead to the right rows."""
    backwards = [row(offset, one.cells[0]) for offset, one in enumerate(reversed(ROWS))]
    run(tmp_path, backwards, lambda _: "invalid", fingerprint=b"two")
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        rows = all_rows(retry)
        assert sorted((one.cells[0], one.key) for one in rows) == [
            (ROWS[n].cells[0], ROWS[n].key) for n in (1, 2, 3, 4)
        ]
        send(retry, rows, "done")
        retry.finish().result(5)
        counts = checkpoint.counts()
        assert (counts.rows, counts.done, counts.rejected, counts.invalid) == (8, 8, 0, 0)
    assert run(tmp_path, backwards, lambda _: "done", fingerprint=b"two") == []
    assert rejects.exists() is False


def test_a_retry_with_nothing_to_do(tmp_path: Path) -> None:
    """Without a reject file there are no rows; a wrong name is an error of the user's."""
    run(tmp_path, ROWS, lambda _: "done")
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        assert all_rows(retry) == []
        retry.finish().result(5)
        with pytest.raises(UsageError):
            checkpoint.retry("other")


def test_lines_that_the_user_removed_are_not_sent(tmp_path: Path, rejects: Path) -> None:
    """They stay refused; the next run tells of them again."""
    edit(rejects, lambda line: None if line["name"] == "c" else line)
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        send(retry, all_rows(retry), "done")
        retry.finish().result(5)
        assert checkpoint.counts().rejected == 1
    run(tmp_path, ROWS, lambda _: "done")
    assert names(tmp_path, "rejects") == {"c": 1}


@pytest.mark.parametrize("moment", ["begun", "in flight", "told", "finished"])
def test_a_killed_retry_keeps_the_repairs(tmp_path: Path, rejects: Path, moment: str) -> None:
    """Rows that were done are not retried again, those in flight are in doubt, all others are still as repaired."""
    repair(rejects)
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        b, c, d, e = all_rows(retry)
        if moment != "begun":
            send(retry, [b], "done")
            send(retry, [c], "rejected")
            retry.intend(batch([d])).result(5)
        if moment == "told":
            send(retry, [e], "not_attempted")
        if moment == "finished":
            retry.finish().result(5)
        copy = killed(tmp_path, tmp_path.with_name(f"{tmp_path.name}-copy"))
    with open_checkpoint(copy) as checkpoint:
        rows = all_rows(checkpoint.retry("tasks"))
        counts = checkpoint.counts()
    expected = "bcde" if moment == "begun" else "ce"
    assert [(one.cells[0], one.cells[1]) for one in rows] == [(name, f"repaired {name}") for name in expected]
    assert counts.is_conserved
    assert (counts.rows, counts.in_doubt) == (8, moment != "begun")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_a_spreadsheet_saves_is_understood(tmp_path: Path, rejects: Path, delimiter: str) -> None:
    """Another delimiter, a BOM and prefixed formulas are undone."""
    edit(rejects, lambda line: line | {"note": "'=1+1"}, delimiter)
    rejects.write_bytes(b"\xef\xbb\xbf" + rejects.read_bytes())
    with open_checkpoint(tmp_path) as checkpoint:
        assert [one.cells[1] for one in all_rows(checkpoint.retry("tasks"))] == ["=1+1"] * 4


@pytest.mark.parametrize(
    "columns", [["note", "line", "name"], ["error", "name", "note", "line", "field", "code", "hint"]], ids=len
)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_columns_in_another_order(tmp_path: Path, rejects: Path, columns: list[str], delimiter: str) -> None:
    """Who moves columns, or deletes our reasons, has changed no cell: all of them are known by their names."""
    repair(rejects)
    with rejects.open(newline="", encoding="utf-8") as file:
        lines = [*csv.DictReader(file)]
    cells = [[line[name] for name in columns] for line in lines]
    rejects.write_text("\n".join(map(delimiter.join, [columns, *cells])), encoding="utf-8")
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        found = [dict(zip(retry.columns, one.cells, strict=True)) for one in all_rows(retry)]
    assert found == [{"name": name, "note": f"repaired {name}"} for name in "bcde"]


def test_lines_without_their_last_cells(tmp_path: Path, rejects: Path) -> None:
    """Excel writes no delimiters for the empty cells at the end of a line; no cell moves by that."""
    edit(rejects, lambda line: line | {"note": "9", "field": "", "code": "", "error": "", "hint": ""})
    rejects.write_bytes(rejects.read_bytes().replace(b",,,,\r\n", b"\r\n"))
    with open_checkpoint(tmp_path) as checkpoint:
        assert [(one.line, one.cells[1]) for one in all_rows(checkpoint.retry("tasks"))] == [
            (line, "9") for line in range(3, 7)
        ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name,note\r\na,b\r\n",
        b"name,note,field,code,error,hint\r\n",
        b"line,name,headrace_line,note\r\n",
        b"name,line,field,code,error,hint\r\nb,3,,,,\r\n",
        b"".join(render([[*COLUMNS, "line", "field", "code", "error", "hint"], ["b", "x", "no", "", "", "", ""]])),
        b"".join(
            render([[*COLUMNS, "line", "field", "code", "error", "hint"], *[["b", "x", "3", "", "", "", ""]] * 2])
        ),
        b'name,note,line,field,code,error,hint\r\n"b,x,3,,,,\r\n',
    ],
)
def test_a_spoilt_file_is_an_error_and_stays(tmp_path: Path, rejects: Path, content: bytes) -> None:
    """A file that cannot be understood is named, and kept as it is for the next attempt."""
    rejects.write_bytes(content)
    with open_checkpoint(tmp_path) as checkpoint, pytest.raises(SourceError, match=r"tasks\.rejects"):
        all_rows(checkpoint.retry("tasks"))
    assert rejects.read_bytes() == content
    assert not rejects.with_name("tasks.rejects.retry.csv").exists()


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("twist", ["", "3", "3.0", "9" * 30, "6", "9999"])
def test_a_wrong_line_is_an_error_before_anything_moves(
    tmp_path: Path, rejects: Path, twist: str, *, threaded: bool
) -> None:
    """A record of no row, of one named before, or of one never refused is named; then the next retry works."""
    repair(rejects)
    good = rejects.read_bytes()
    wrong = {"c": twist if twist != "6" else "7"}  # the row on line 7 was done at once
    edit(rejects, lambda line: line | ({"line": wrong[line["name"]]} if line["name"] in wrong else {}))
    spoilt = rejects.read_bytes()
    with open_checkpoint(tmp_path, threaded=threaded) as checkpoint:
        with pytest.raises(SourceError, match=r"tasks\.rejects\.csv: Record 3 ") as caught:
            checkpoint.retry("tasks")
        assert (caught.value.exit_code, bool(caught.value.hint)) == (2, True)
        assert rejects.read_bytes() == spoilt
        assert [file.name for file in rejects.parent.glob("tasks.rejects*")] == [rejects.name]
        rejects.write_bytes(good)
        retry = checkpoint.retry("tasks")
        send(retry, all_rows(retry), "done")
        retry.finish().result(5)
        assert checkpoint.counts().done == 8


def test_rows_that_are_done_meanwhile_may_be_in_the_file(tmp_path: Path, rejects: Path) -> None:
    """Who saves the old file once more after a retry is not stopped by the rows that it has repaired."""
    old = rejects.read_bytes()
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        send(retry, all_rows(retry)[:2], "done")
        retry.finish().result(5)
    rejects.write_bytes(old)
    repair(rejects)
    with open_checkpoint(tmp_path) as checkpoint:
        assert [one.cells for one in all_rows(checkpoint.retry("tasks"))] == [
            [name, f"repaired {name}"] for name in "de"
        ]


def test_a_wrong_line_beside_a_killed_retry(tmp_path: Path, rejects: Path) -> None:
    """What the killed retry left aside stays as it is, and counts once the new file is corrected."""
    repair(rejects)
    with open_checkpoint(tmp_path) as checkpoint:
        all_rows(checkpoint.retry("tasks"))
    aside = rejects.with_name("tasks.rejects.retry.csv")
    good = aside.read_bytes()
    rejects.write_bytes(good.replace(b",3,", b",9999,"))
    with open_checkpoint(tmp_path) as checkpoint, pytest.raises(SourceError, match=r"rejects\.csv: .* line 9999 "):
        checkpoint.retry("tasks")
    assert aside.read_bytes() == good
    rejects.unlink()
    aside.write_bytes(good.replace(b",3,", b",,"))
    with open_checkpoint(tmp_path) as checkpoint, pytest.raises(SourceError, match=r"tasks\.rejects\.csv: Record 2 "):
        checkpoint.retry("tasks")
    assert not aside.exists()
    rejects.write_bytes(good)
    with open_checkpoint(tmp_path) as checkpoint:
        assert len(all_rows(checkpoint.retry("tasks"))) == 4


def test_an_unrepaired_load_can_still_run(tmp_path: Path, rejects: Path) -> None:
    """A plain run after a retry that was not finished sends no refused row."""
    with open_checkpoint(tmp_path) as checkpoint:
        all_rows(checkpoint.retry("tasks"))
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        assert [one.cells[0] for one in ledger.unsettled(ROWS, COLUMNS)] == ["e"]
    assert rejects.parent.exists()
