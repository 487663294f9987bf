"""Checks of what goes wrong under way: lost answers, runs that end early, and what is left on disk."""

from pathlib import Path
from typing import Final

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
