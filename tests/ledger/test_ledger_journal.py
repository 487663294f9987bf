"""The journal's promises: what may be sent, what may be settled, and when a future resolves."""

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from ledger_scene import COLUMNS, OUTCOMES, batch, load, open_checkpoint, row, run, send, settled, source

from headrace.errors import ChangedError, InvariantError, SourceError, StoppedError
from headrace.ledger.commit import Entry, GroupCommit, Urgency
from headrace.ledger.shelf import Shelf
from headrace.ledger.writer import ThreadWriter

ROWS = source("abcdef")


@pytest.mark.parametrize("how", sorted(set(OUTCOMES) - {"not_attempted", "invalid"}))
def test_a_settled_row_is_never_sent_again(tmp_path: Path, how: str) -> None:
    """Neither in the same run nor in a later one (invariant I2)."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        send(ledger, ledger.unsettled(ROWS[:1], COLUMNS), how)
        with pytest.raises(InvariantError, match="must not be sent again"):
            ledger.intend(batch(ROWS[:1]))
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        assert ledger.unsettled(ROWS[:1], COLUMNS) == []
        with pytest.raises(InvariantError, match="must not be sent again"):
            ledger.intend(batch(ROWS[:1]))


def test_an_open_row_is_in_one_intent_only(tmp_path: Path) -> None:
    """A second intent needs the first one's "not executed"; then it is welcome."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        rows = ledger.unsettled(ROWS, COLUMNS)
        intent = ledger.intend(batch(rows[:2])).result(5)
        with pytest.raises(InvariantError, match="open"):
            ledger.intend(batch(rows[1:3]))
        ledger.settle(intent, settled(rows[:2], "not_attempted")).result(5)
        send(ledger, rows[1:3])
        assert ledger.counts().done == 2


def test_an_intent_is_settled_once_with_its_own_rows(tmp_path: Path) -> None:
    """Twice, with other rows or with none is our bug, and recorded nowhere."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        rows = ledger.unsettled(ROWS, COLUMNS)
        intents = [ledger.intend(batch(some)).result(5) for some in (rows[:2], rows[2:4], rows[4:])]
        for intent, wrong in zip(intents, (rows[2:3], rows[1:3], []), strict=True):
            with pytest.raises(InvariantError, match=r"carry|without rows"):
                ledger.settle(intent, settled(wrong))
        assert ledger.counts().done == 0


def test_a_row_twice_in_a_batch_is_a_bug(tmp_path: Path) -> None:
    """One row cannot have two outcomes."""
    with open_checkpoint(tmp_path) as checkpoint, pytest.raises(InvariantError, match="twice"):
        load(checkpoint).intend(batch([ROWS[0], ROWS[0]]))


def test_only_rows_without_a_request_are_noted(tmp_path: Path) -> None:
    """An outcome that only a request can have cannot slip in beside one."""
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        for how in ("done", "rejected", "in_doubt", "duplicated", "not_attempted"):
            with pytest.raises(InvariantError):
                ledger.note(settled(ROWS[:1], how))


def test_a_changed_mapping_needs_consent(tmp_path: Path) -> None:
    """Exit code 9, and with consent the rows that are done stay done."""
    run(tmp_path, ROWS, lambda r: "invalid" if r.cells[0] == "b" else "done")
    terms = {"name": "tasks", "resource": "tasks", "operation": "create", "fingerprint": b"one"}
    with open_checkpoint(tmp_path) as checkpoint:
        with pytest.raises(ChangedError, match="mapping") as caught:
            checkpoint.load(mapping_digest=b"new", **terms)
        assert caught.value.exit_code == 9
        ledger = checkpoint.load(mapping_digest=b"new", accept_mapping_change=True, **terms)
        assert [one.offset for one in ledger.unsettled(ROWS, COLUMNS)] == [1]
        for other in ({"resource": "x"}, {"operation": "x"}):
            with pytest.raises(ChangedError, match="is 'x' now"):
                checkpoint.load(mapping_digest=b"new", **(terms | other))


def test_another_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    """A source that shares no row with the old one is exit code 9; `unsettled` insists on having asked."""
    run(tmp_path, ROWS, lambda _: "done")
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint, b"two")
        with pytest.raises(InvariantError):
            ledger.unsettled(ROWS, COLUMNS)
        with pytest.raises(ChangedError, match="shares no row"):
            ledger.recognise(row(0, f"other {n}").key for n in range(2000))
        ledger.recognise([*(row(0, f"new {n}").key for n in range(2000)), ROWS[3].key])
        assert ledger.unsettled(ROWS, COLUMNS) == []


def test_opening_a_load_again_ends_the_earlier_pass(tmp_path: Path) -> None:
    """What it left in flight is in doubt, and it may say nothing more."""
    with open_checkpoint(tmp_path, threaded=True) as checkpoint:
        first = load(checkpoint)
        rows = first.unsettled(ROWS, COLUMNS)
        intent = first.intend(batch(rows[:2])).result(5)
        second = load(checkpoint)
        with pytest.raises(InvariantError, match="opened again"):
            first.settle(intent, settled(rows[:2]))
        assert second.counts().in_doubt == 2
        assert [one.offset for one in second.unsettled(ROWS, COLUMNS)] == [2, 3, 4, 5]


def test_ids_of_rows_settled_meanwhile_are_found(tmp_path: Path) -> None:
    """The id map keeps up with the run; rows that are not done have no id, and of one key all count."""
    rows = source("abca")
    with open_checkpoint(tmp_path, threaded=True) as checkpoint:
        ledger = load(checkpoint)
        ledger.unsettled(rows, COLUMNS)
        keys = [one.key for one in rows]
        assert checkpoint.ids("tasks", keys) == {}
        send(ledger, rows[:1])
        assert checkpoint.ids("tasks", keys) == {keys[0]: "id-a-0"}
        send(ledger, rows[1:2], "rejected")
        send(ledger, rows[2:])
        assert checkpoint.ids("tasks", keys) == {keys[0]: ("id-a-0", "id-a-3"), keys[2]: "id-c-2"}


def test_many_identical_rows_are_counted(tmp_path: Path) -> None:
    """Thousands of copies of one row are matched one to one, without reading all of them each time."""
    rows = source("a" * 3000)
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint)
        send(ledger, ledger.unsettled(rows, COLUMNS)[:2000])
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint, b"two")
        ledger.recognise([rows[0].key])
        left = [
            one.offset for start in range(0, 3000, 100) for one in ledger.unsettled(rows[start : start + 100], COLUMNS)
        ]
    assert left == [*range(2000, 3000)]


def test_a_settled_row_is_found_once(tmp_path: Path) -> None:
    """A second copy of a row that was sent once is new, also when it comes much later."""
    run(tmp_path, source("abc"), lambda _: "done")
    again = source("aabbcc")
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint, b"two")
        ledger.recognise([again[0].key])
        assert [one.offset for some in again for one in ledger.unsettled([some], COLUMNS)] == [1, 3, 5]


def test_intents_are_committed_together_and_at_once() -> None:
    """What waits while a commit is under way shares the next one; an outcome waits for company, an intent does not."""
    groups: list[int] = []
    gate, begun = threading.Event(), threading.Event()

    class Recording:
        def commit(self, entries: list[Entry]) -> None:
            begun.set()
            gate.wait(5)
            groups.append(len(entries))
            for entry in entries:
                entry.future.set_result(None)

    writer = ThreadWriter(Recording(), linger=60)  # type: ignore[arg-type]  # a fake that only counts
    futures: list[Future[None]] = []
    for urgency in (Urgency.INTENT, Urgency.OUTCOME, Urgency.INTENT, Urgency.ALONE, Urgency.OUTCOME):
        entry = Entry(urgency, lambda _: None)
        writer.submit(entry)
        futures.append(entry.future)
        begun.wait(5)
    gate.set()
    writer.close()
    assert groups == [1, 2, 1, 1]
    assert all(future.done() for future in futures)


def test_a_future_cannot_be_cancelled() -> None:
    """Whoever stops waiting does not stop the write."""
    assert not Entry(Urgency.OUTCOME, lambda _: None).future.cancel()


def test_an_error_in_an_entry_stops_the_ledger() -> None:
    """Right or stopped: nothing of the group is written, and nothing after it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    commits = GroupCommit(connection, None, Shelf())
    good = Entry(Urgency.INTENT, lambda c: c.execute("INSERT INTO t VALUES (1)"))
    bad = Entry(Urgency.INTENT, lambda _: 1 // 0)
    late = Entry(Urgency.OUTCOME, lambda c: c.execute("INSERT INTO t VALUES (2)"))
    commits.commit([good, bad])
    commits.commit([late])
    for entry in (good, bad, late):
        assert isinstance(entry.future.exception(), InvariantError)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(("error", "kind"), [(SourceError("no"), StoppedError), (ZeroDivisionError(), InvariantError)])
def test_an_error_while_telling_fails_every_future(error: Exception, kind: type[Exception]) -> None:
    """Whatever `tell` raises, those of its group, those waiting and those to come hear of it; nobody waits for ever."""

    def tell() -> None:
        raise error

    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    writer = ThreadWriter(GroupCommit(connection, None, Shelf()))
    entries = [Entry(Urgency.ALONE, lambda _: None, tell), *(Entry(Urgency.ALONE, lambda _: None) for _ in range(3))]
    for entry in entries:
        writer.submit(entry)
    assert [type(entry.future.exception(5)) for entry in entries] == [kind] * 4
    late = Entry(Urgency.INTENT, lambda _: None)
    writer.submit(late)
    assert type(late.future.exception(5)) is kind
    writer.close()
    connection.close()


def test_the_end_of_the_thread_fails_every_future() -> None:
    """Even what the group commit itself does not catch leaves nobody waiting."""
    gate = threading.Event()

    class Broken:
        def commit(self, _: list[Entry]) -> None:
            gate.wait(5)
            raise SystemExit

    writer = ThreadWriter(Broken())  # type: ignore[arg-type]  # a fake that only breaks
    entries = [Entry(Urgency.ALONE, lambda _: None) for _ in range(3)]
    for entry in entries:
        writer.submit(entry)
    gate.set()
    assert [type(entry.future.exception(5)) for entry in entries] == [InvariantError] * 3
    late = Entry(Urgency.INTENT, lambda _: None)
    writer.submit(late)
    assert isinstance(late.future.exception(5), InvariantError)
    writer.close()


def test_a_full_disk_refuses_intents_and_keeps_outcomes() -> None:
    """When space runs out the intents of the group hear of it, and its outcomes are written by themselves."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA max_page_count = 8")
    connection.execute("CREATE TABLE t (x)")
    commits = GroupCommit(connection, None, Shelf())
    intent = Entry(Urgency.INTENT, lambda c: c.execute("INSERT INTO t VALUES (zeroblob(100000))"))
    outcome = Entry(Urgency.OUTCOME, lambda c: c.execute("INSERT INTO t VALUES (1)"))
    commits.commit([outcome, intent])
    later = [Entry(Urgency.INTENT, lambda _: None), Entry(Urgency.OUTCOME, lambda _: None)]
    commits.commit(later)
    assert isinstance(intent.future.exception(), StoppedError)
    assert outcome.future.exception() is None
    assert isinstance(later[0].future.exception(), StoppedError)
    assert later[1].future.exception() is None
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,)
    connection.close()


def test_rows_that_left_the_source_still_count(tmp_path: Path) -> None:
    """What was done and is gone from the file is done all the same: rows are those of the file and those that left."""
    run(tmp_path, source("abcdef"), lambda r: "invalid" if r.cells[0] == "a" else "done")
    run(tmp_path, source("cdefxy"), lambda _: "done", fingerprint=b"two")
    with open_checkpoint(tmp_path) as checkpoint:
        counts = checkpoint.counts()
    assert (counts.rows, counts.done, counts.invalid, counts.not_attempted) == (7, 7, 0, 0)
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint, b"three")
        ledger.recognise([row(0, "c").key])
        assert len(ledger.unsettled(source("cdez"), COLUMNS)) == 1
        ledger.finish(4).result(5)
        counts = ledger.counts()
    assert (counts.rows, counts.done, counts.not_attempted) == (8, 7, 1)


def test_a_pass_that_stops_early_counts_no_row_twice(tmp_path: Path) -> None:
    """Of a changed source of which only the start was read, the rest may hold the rows that are done."""
    run(tmp_path, ROWS, lambda _: "done")
    longer = source("abcdefgh")
    with open_checkpoint(tmp_path) as checkpoint:
        ledger = load(checkpoint, b"two")
        ledger.recognise([longer[0].key])
        ledger.unsettled(longer[:2], COLUMNS)
        assert ledger.counts().is_conserved
        ledger.finish(8).result(5)
        counts = ledger.counts()
        assert (counts.rows, counts.done, counts.not_attempted) == (8, 6, 2)
    assert len(run(tmp_path, longer, lambda _: "done", fingerprint=b"two")) == 2
    with open_checkpoint(tmp_path) as checkpoint:
        assert (checkpoint.counts().rows, checkpoint.counts().done) == (8, 8)
