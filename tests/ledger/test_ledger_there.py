"""Rows whose records were there before: skipped, and still the ones that other rows refer to."""

from pathlib import Path

from ledger_scene import COLUMNS, load, open_checkpoint, run, send, source, table

from headrace.model import Row, Settled, Skipped

ROWS = source("abcd")
KEYS = [row.key for row in ROWS]


def there(row: Row) -> Settled:
    return Settled(row, Skipped(row.offset, row.line, "there before the import", f"theirs-{row.cells[0]}"))


def test_they_have_ids_and_are_held(tmp_path: Path) -> None:
    """They count as skipped, are found by key and held like those that were made, and are not among what was made."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        assert checkpoint.ids("tasks", KEYS) == {}
        ledger.note([there(ROWS[0])]).result(5)
        assert checkpoint.ids("tasks", KEYS) == {KEYS[0]: "theirs-a"}
        send(ledger, [ROWS[1]])
        ledger.note([there(ROWS[2])]).result(5)
        assert checkpoint.ids("tasks", KEYS) == {KEYS[0]: "theirs-a", KEYS[1]: "id-b-1", KEYS[2]: "theirs-c"}
        assert ledger.held(["theirs-a", "theirs-c", "other", "id-b-1"], "tasks") == {"theirs-a", "theirs-c", "id-b-1"}
        ledger.finish(len(ROWS)).result(5)
        counts = checkpoint.counts("tasks")
        assert (counts.done, counts.skipped, counts.not_attempted) == (1, 2, 1)
        assert [one.remote_id for some in checkpoint.made("tasks").find(KEYS).values() for one in some] == ["id-b-1"]
        assert checkpoint.fates("tasks", KEYS) == {}


def test_they_stay_when_the_source_changes(tmp_path: Path) -> None:
    """A later run of a sorted source leaves them as they are, and knows their ids."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        ledger.note([there(row) for row in ROWS[:2]]).result(5)
        ledger.finish(len(ROWS)).result(5)
    sent = run(tmp_path, source("dcba"), lambda _: "done", fingerprint=b"two")
    assert [row.cells[0] for row in sent] == ["d", "c"]
    with open_checkpoint(tmp_path) as checkpoint:
        assert set(checkpoint.ids("tasks", KEYS).values()) == {"theirs-a", "theirs-b", "id-d-0", "id-c-1"}


def test_a_refused_row_may_turn_out_to_be_there(tmp_path: Path) -> None:
    """In a retry as in a run: it is out of the reject file, and an old copy of the file may still name it."""
    run(
        tmp_path, ROWS, lambda row: "rejected" if row.cells[0] in "ab" else "invalid" if row.cells[0] == "c" else "done"
    )
    rejects = tmp_path / "acme.results" / "tasks.rejects.csv"
    old = rejects.read_bytes()
    with open_checkpoint(tmp_path) as checkpoint:
        retry = checkpoint.retry("tasks")
        some = next(retry.rows())
        retry.note([there(row) for row in some if row.cells[0] != "b"]).result(5)
        retry.finish().result(5)
        assert (checkpoint.counts("tasks").skipped, checkpoint.counts("tasks").rejected) == (2, 1)
    assert [line["name"] for line in table(tmp_path, "rejects")] == ["b"]
    rejects.write_bytes(old)
    with open_checkpoint(tmp_path) as checkpoint:
        assert [row.cells[0] for some in checkpoint.retry("tasks").rows() for row in some] == ["b"]
    assert run(tmp_path, ROWS, lambda _: "done") == []
