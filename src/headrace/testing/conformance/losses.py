"""Checks of what goes wrong under way: lost answers, runs that end early, and what is left on disk."""

from pathlib import Path
from typing import Final

from headrace.model import Done
from headrace.pipeline import Settings
from headrace.provider import IdempotencyKey
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing.conformance.bench import Bench, Subject, kinds

ROWS: Final = 5
MOST: Final = 4
"""Resources that are tried: what differs between them is the guarantee, and few have several."""
LOSSES: Final = (FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE_COMMIT, FaultKind.ERROR_AFTER_COMMIT)


def what_is_lost_is_settled_or_in_doubt(subject: Subject, folder: Path) -> None:
    """Whatever became of a request without an answer, no row is there twice, and none is called done that is not."""
    for kind in LOSSES:
        for name in [*subject.rows][:MOST]:
            bench = Bench(subject, folder, Rule(kind=kind, method=("POST",), at=(2,)), settings=Settings(bulk=False))
            found = kinds(bench.load(name, bench.rows(name, ROWS)))
            assert set(found) <= {"Done", "InDoubt"}, f"{name} after {kind}: {found}"
            assert found.get("InDoubt", 0) <= 1
            assert bench.audit["duplicates"] == 0, f"{name} after {kind}"
            assert found["Done"] <= bench.created <= ROWS
            if isinstance(subject.resource(name).guarantee, IdempotencyKey):
                assert found == {"Done": ROWS}, "a key settles every row"
            (folder / f"{name}.headrace").unlink()


def changes_are_repeated_until_they_are_answered(subject: Subject, folder: Path) -> None:
    """Updates and deletes whose answer is lost are sent again: each row is done, and the records are as they say."""
    for name, changes in subject.changes.items():
        lost = [Rule(kind=LOSSES[0], method=methods, at=(1,)) for methods in (("PUT", "PATCH"), ("DELETE",))]
        bench = Bench(subject, folder, *lost)
        resource = subject.resource(name)
        made = bench.load(name, bench.rows(name, ROWS))
        ids = [outcome.remote_id for outcome in made if isinstance(outcome, Done)]
        kept = {field: value for field, value in changes.items() if field not in resource.create_only}
        before = sum(bench.sandbox.store.counts.values())
        updated = bench.load(name, [{"id": identity, **kept} for identity in ids], operation="update")
        assert kinds(updated) == {"Done": ROWS}, f"{name}: {updated}"
        assert sorted(one.remote_id for one in updated if isinstance(one, Done)) == sorted(ids)
        gone = bench.load(name, [{"id": identity} for identity in ids], operation="delete")
        assert kinds(gone) == {"Done": ROWS}, f"{name}: {gone}"
        assert sum(bench.sandbox.store.counts.values()) == before - ROWS
        assert bench.created == ROWS
        for path in folder.glob("*.headrace*"):
            path.unlink()


def a_run_that_was_left_goes_on(subject: Subject, folder: Path) -> None:
    """Who leaves after the first outcomes and comes back has every row done, once."""
    name = next(iter(subject.rows))
    bench = Bench(subject, folder, settings=Settings(bulk=False, concurrency=2))
    rows = bench.rows(name, ROWS)
    bench.load(name, rows, most=1)
    bench.load(name, rows)
    assert bench.load(name, rows) == []
    assert (bench.audit["duplicates"], bench.created) == (0, ROWS)


def no_secret_is_on_disk(subject: Subject, folder: Path) -> None:
    """The token is in no file that a run leaves behind."""
    name = next(iter(subject.rows))
    bench = Bench(subject, folder, token="canary-1f6b")  # noqa: S106  # it is to be looked for
    bench.load(name, bench.rows(name, ROWS))
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert left, "a run leaves a checkpoint"
    assert not [path.name for path in left if b"canary-1f6b" in path.read_bytes()]
