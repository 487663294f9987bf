"""Unknown rows in the ledger: kept open, recalled, settled in parts, suspected, audited, and nothing said too early."""

import sqlite3
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, batch, killed, load, names, open_checkpoint, row, send, settled, source, table

from headrace.errors import InvariantError, UsageError
from headrace.identity import value_prints
from headrace.ledger import Checkpoint, Decision
from headrace.ledger.schema import VERSION
from headrace.ledger.seals import TABLES
from headrace.model import Duplicated, Row, Settled

ROWS = source("abcdef")


def left_behind(folder: Path, rows: list[Row]) -> Path:
    """Return a copy of the checkpoint of a run that was killed with `rows` in flight, after it had done the others."""
    with open_checkpoint(folder) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        others = [one for one in ROWS if one not in rows]
        if others:
            send(ledger, others)
        ledger.intend(batch(rows), 1234.5).result(5)
        return killed(folder, folder.with_name(f"{folder.name}-copy"))


def test_what_was_in_flight_is_recalled_and_not_sent(tmp_path: Path) -> None:
    """It is in doubt until it is looked up; the row comes with its intent, the server's time and what was sent."""
    copy = left_behind(tmp_path, ROWS[1:4])
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        assert ledger.unsettled(ROWS, COLUMNS) == []
        recalled = ledger.recalled()
        assert [one.row.offset for one in recalled] == [1, 2, 3]
        assert {(one.since, one.print) for one in recalled} == {
            (1234.5, value_prints([batch(ROWS).records[0].value])[0])
        }
        assert len({one.intent for one in recalled}) == 1
        assert ledger.recalled() == []
        assert (checkpoint.counts().done, checkpoint.counts().in_doubt) == (3, 3)
        with pytest.raises(InvariantError, match="must not be sent again"):
            ledger.intend(batch(ROWS[1:2]))


@pytest.mark.parametrize("is_sorted", [False, True])
def test_an_intent_is_settled_in_parts(tmp_path: Path, is_sorted: bool) -> None:
    """One row is found, one is absent and sent again, one stays unknown; also when the source was sorted meanwhile."""
    copy = left_behind(tmp_path, ROWS[1:4])
    rows = [row(at, name) for at, name in enumerate(reversed("abcdef"))] if is_sorted else ROWS
    fingerprint = b"two" if is_sorted else b"one"
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint, fingerprint)
        if ledger.must_recognise:
            ledger.recognise(one.key for one in rows)
        assert ledger.unsettled(rows, COLUMNS) == []
        found = {one.row.cells[0]: one for one in ledger.recalled()}
        intent = found["b"].intent
        assert intent is not None
        ledger.settle(intent, settled([found["b"].row])).result(5)
        ledger.settle(intent, settled([found["c"].row], "not_attempted")).result(5)
        send(ledger, [found["c"].row])
        with pytest.raises(InvariantError, match="carry"):
            ledger.settle(intent, settled([found["b"].row]))
        ledger.finish(6).result(5)
    assert names(copy, "success") == dict.fromkeys("abcef", 1)
    assert names(copy, "in-doubt") == {"d": 1}
    with open_checkpoint(copy) as checkpoint:
        assert (checkpoint.counts().done, checkpoint.counts().in_doubt) == (5, 1)
        ledger = load(checkpoint, fingerprint)
        assert ledger.unsettled(rows, COLUMNS) == []
        recalled = ledger.recalled()
        assert {one.row.cells[0]: one.intent is None for one in recalled} == {"d": False, "c": True}
        (d,) = [one for one in recalled if one.intent is not None]
        ledger.settle(d.intent or 0, settled([d.row])).result(5)
        ledger.finish(6).result(5)
        assert checkpoint.counts().done == 6
    assert names(copy, "success") == dict.fromkeys("abcdef", 1)
    assert table(copy, "in-doubt") == []


def test_what_was_audited_is_not_looked_up_again(tmp_path: Path) -> None:
    """A suspect is recalled in every run until the books on it are closed."""
    copy = left_behind(tmp_path, ROWS[:1])
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        (found,) = ledger.recalled()
        ledger.settle(found.intent or 0, settled([found.row], "not_attempted")).result(5)
        send(ledger, [found.row])
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        (again,) = ledger.recalled()
        assert (again.row, again.intent, again.since) == (found.row, None, 1234.5)
        ledger.clear([again.row]).result(5)
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(ROWS, COLUMNS)
        assert ledger.recalled() == []


def test_a_row_that_is_there_twice_leaves_the_successes(tmp_path: Path) -> None:
    """A revision counts the row out of the done ones, lists it with its ids, and survives every further run."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        send(ledger, ledger.unsettled(ROWS, COLUMNS))
        own = ledger.id_of(ROWS[2]) or ""
        assert own == "id-c-2"
        assert ledger.held([own, "77"], "tasks") == {own}
        ledger.revise([Settled(ROWS[2], Duplicated(2, 4, (own, "77")))]).result(5)
        with pytest.raises(InvariantError, match="too often"):
            ledger.revise([Settled(ROWS[2], Duplicated(2, 4, (own, "77")))])
        ledger.finish(6).result(5)
    for _ in range(2):
        assert names(tmp_path, "success") == dict.fromkeys("abdef", 1)
        assert [(line["name"], line["remote_ids"]) for line in table(tmp_path, "duplicates")] == [("c", f"{own}; 77")]
        with open_checkpoint(tmp_path) as checkpoint:
            ledger = load(checkpoint)
            assert ledger.unsettled(ROWS, COLUMNS) == []
            assert (checkpoint.counts().done, checkpoint.counts().duplicated) == (5, 1)
            assert checkpoint.counts().is_conserved
            ledger.finish(6).result(5)


def test_an_older_format_is_brought_up_to_date(tmp_path: Path) -> None:
    """A checkpoint of version 1 opens, keeps what is done, and what was in flight in it is unknown, not lost."""
    copy = left_behind(tmp_path, ROWS[:2])
    path = copy / "acme.headrace"
    with sqlite3.connect(path) as connection:
        for table in TABLES:
            connection.execute(f"DROP TRIGGER {table}_added")
            connection.execute(f"DROP TRIGGER {table}_changed")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN mark")
        connection.execute("DROP INDEX request_unknown")
        for column in ("since", "prints", "unknown"):
            connection.execute(f"ALTER TABLE request DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(UsageError, match="older headrace"):
        Checkpoint.read(path)
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        assert ledger.unsettled(ROWS, COLUMNS) == []
        assert {(one.print, one.since) for one in ledger.recalled()} == {(None, None)}
        assert (checkpoint.counts().done, checkpoint.counts().in_doubt) == (4, 2)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


def test_decisions_are_all_recorded_or_none(tmp_path: Path) -> None:
    """One that cannot be meant refuses them all; what was decided stays so."""
    copy = left_behind(tmp_path, ROWS[:3])
    with open_checkpoint(copy) as checkpoint:
        assert [one.number for one in checkpoint.doubts("tasks")] == [0, 1, 2]
        with pytest.raises(UsageError, match="not in doubt"):
            checkpoint.resolve("tasks", [Decision(0, "9"), Decision(5, None)])
        assert checkpoint.counts().in_doubt == 3
        checkpoint.resolve("tasks", [Decision(0, "9"), Decision(1, None)])
        assert (checkpoint.counts().done, checkpoint.counts().in_doubt) == (4, 1)
    with open_checkpoint(copy) as checkpoint:
        ledger = load(checkpoint)
        assert [one.offset for one in ledger.unsettled(ROWS, COLUMNS)] == [1]
        assert [one.row.offset for one in ledger.recalled()] == [2]
        assert ledger.id_of(ROWS[0]) == "9"
