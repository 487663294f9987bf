"""A draft: a checkpoint that is made beside its place, and takes it in one step when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headrace.errors import InvariantError, UsageError
from headrace.ledger.durable import rename
from headrace.ledger.lock import Lock
from headrace.ledger.view import lock_path, read

SUFFIXES: Final = ("", "-wal", "-shm")
"""What follows the names of the files of a checkpoint: the database, and SQLite's log of it."""


@contextmanager
def adopting(path: Path) -> Iterator[Path]:
    """Give the draft of a checkpoint that is to be at `path`, where there is none; an interrupted one goes on.

    Nobody else takes the place meanwhile. Raises `LockedError` where somebody has it, `UsageError` where there is a
    checkpoint that knows of rows that were sent.
    """
    lock = Lock.acquire(lock_path(path))
    try:
        if path.exists() and _has_sent(path):
            raise UsageError(
                f"the checkpoint {path} is there",
                hint="`headrace run` goes on from it, `headrace repair` mends it; to make it anew, move it away",
            )
        yield path.with_name(f"{path.name}.adopting")
    finally:
        lock.release()


def _has_sent(path: Path) -> bool:
    with read(path) as view:
        return view.has_sent


def put_in_place(draft: Path, path: Path) -> None:
    """Put a closed draft in the place of a checkpoint in one step, so that a crash leaves the one or the other.

    The old one's log goes first: it must not be taken for the new one's. Raises `InvariantError` where the draft is
    not whole without a log of its own.
    """
    log = draft.with_name(f"{draft.name}-wal")
    if log.exists() and log.stat().st_size:
        raise InvariantError(f"The draft {draft.name} was not closed.")
    for suffix in SUFFIXES[1:]:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    rename(draft, path)


def remove(path: Path) -> None:
    """Remove a checkpoint and its log, as far as they are there."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
