"""Opening: whether a checkpoint and a load are the ones they were, and how a new run of them begins."""

import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.errors import ChangedError
from headrace.ledger.faults import begin_lines_anew
from headrace.ledger.packing import State
from headrace.ledger.progress import Progress
from headrace.ledger.recovery import give_up, open_rows
from headrace.ledger.repairs import take_back
from headrace.ledger.resolution import Resolution
from headrace.ledger.results import Results
from headrace.ledger.shelf import LoadBooks, Shelf
from headrace.ledger.view import Identity, LoadRecord

_WORDS: Final = {
    "import_name": "import",
    "provider": "provider",
    "base_url": "base URL",
    "organization": "organization",
}

_IMPORT: Final = (
    "INSERT INTO import (name, provider, base_url, organization, definition, lease) VALUES (?, ?, ?, ?, ?, 1)"
)


class LoadTerms(Struct, frozen=True):
    """What a load is begun with; see `Checkpoint.load`."""

    name: str
    resource: str
    operation: str
    definition: bytes
    mapping: bytes
    fingerprint: bytes | None
    has_key_columns: bool


class Opened(Struct, frozen=True):
    """A load as it was found. `is_changed`: its source is not the one of the last run, of which rows are recorded.

    `has_sent` says that rows of it were sent, or were to be.
    """

    id: int
    generation: int
    is_changed: bool
    has_done: bool
    has_sent: bool
    progress: Progress
    results: Results | None
    notices: tuple[str, ...]


def take_lease(connection: sqlite3.Connection, identity: Identity, definition: bytes) -> None:
    """Begin a run: a new lease. Raises `ChangedError` when the checkpoint belongs to something else."""
    row = connection.execute("SELECT name, provider, base_url, organization FROM import").fetchone()
    given = (identity.import_name, identity.provider, identity.base_url.rstrip("/"), identity.organization)
    if row is None:
        connection.execute(_IMPORT, (*given, definition))
        return
    for word, old, new in zip(_WORDS.values(), row, given, strict=True):
        if old != new:
            raise ChangedError(
                f"The checkpoint belongs to another {word}: {old!r}, not {new!r}.",
                hint="Use another --checkpoint, or give what it was made with.",
            )
    connection.execute("UPDATE import SET lease = lease + 1, definition = ?", (definition,))
    give_up(connection)


def check(record: LoadRecord | None, terms: LoadTerms, *, accept_mapping_change: bool) -> None:
    """Raise `ChangedError` when the load of that name was another one."""
    if record is None:
        return
    for word, old, new in (
        ("resource", record.resource, terms.resource),
        ("operation", record.operation, terms.operation),
    ):
        if old != new:
            raise ChangedError(
                f"The {word} of load {terms.name!r} was {old!r} and is {new!r} now.", hint="Give the load another name."
            )
    if record.mapping != terms.mapping and not accept_mapping_change:
        raise ChangedError(
            f"The mapping of load {terms.name!r} has changed since the last run.",
            hint="--accept-mapping-change goes on with the new one; rows that are done stay as they are.",
        )


def begin(connection: sqlite3.Connection, terms: LoadTerms, shelf: Shelf, folder: Path | None) -> Opened:
    """Record the load and everything that follows from how the last run left it. Runs in one transaction."""
    connection.execute(
        "INSERT OR IGNORE INTO load (name, resource, operation, definition, mapping, fingerprint)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (terms.name, terms.resource, terms.operation, terms.definition, terms.mapping, terms.fingerprint),
    )
    load_id, fingerprint = connection.execute(
        "SELECT id, fingerprint FROM load WHERE name = ?", (terms.name,)
    ).fetchone()
    give_up(connection, load_id)
    is_other = terms.fingerprint is None or terms.fingerprint != fingerprint
    is_changed = is_other and _has_records(connection, load_id)
    if is_changed:
        _begin_generation(connection, load_id)
    elif is_other:
        connection.execute("UPDATE load SET rows = 0, unseen = 0 WHERE id = ?", (load_id,))
    connection.execute(
        "UPDATE load SET definition = ?, mapping = ?, fingerprint = ? WHERE id = ?",
        (terms.definition, terms.mapping, terms.fingerprint, load_id),
    )
    results = None if folder is None else Results(folder, terms.name, load_id)
    notices = [] if results is None else results.recover(connection)
    opened = found(
        connection, load_id, results, is_changed=is_changed, notices=(*notices, *_warnings(terms, is_changed))
    )
    shelf.put(load_id, LoadBooks(opened.progress, results))
    return opened


def begin_retry(connection: sqlite3.Connection, record: LoadRecord, shelf: Shelf, folder: Path) -> Opened:
    """Take the reject file of a load back, to send its rows again. Runs in one transaction."""
    give_up(connection, record.id)
    results = Results(folder, record.name, record.id)
    take_back(results, connection, record.id)
    notices = tuple(results.recover(connection))
    opened = found(connection, record.id, results, is_changed=False, notices=notices)
    shelf.put(record.id, LoadBooks(opened.progress, results))
    return opened


def begin_resolving(
    connection: sqlite3.Connection, record: LoadRecord, resolution: Resolution, shelf: Shelf, folder: Path | None
) -> Opened:
    """Record decisions on rows in doubt, and open the results that they change. Runs in one transaction."""
    give_up(connection, record.id)
    results = None if folder is None else Results(folder, record.name, record.id)
    notices = () if results is None else tuple(results.recover(connection))
    resolution.record(connection)
    opened = found(connection, record.id, results, is_changed=False, notices=notices)
    shelf.put(record.id, LoadBooks(opened.progress, results))
    return opened


def found(
    connection: sqlite3.Connection, load_id: int, results: Results | None, *, is_changed: bool, notices: tuple[str, ...]
) -> Opened:
    """Return the load as it is recorded now."""
    generation, rows, unseen = connection.execute(
        "SELECT generation, rows, unseen FROM load WHERE id = ?", (load_id,)
    ).fetchone()
    done = _one(connection, "SELECT total(done) FROM request WHERE load = ?", load_id)
    return Opened(
        id=load_id,
        generation=generation,
        is_changed=is_changed,
        has_done=bool(done),
        has_sent=_has_sent(connection, load_id),
        progress=Progress(load_id, rows, unseen),
        results=results,
        notices=notices,
    )


def _begin_generation(connection: sqlite3.Connection, load_id: int) -> None:
    """Let the rows of the source be known by their keys from now on; offsets mean other rows than before.

    What we refused ourselves is judged again anyhow, so nothing of it is carried over.
    """
    begin_lines_anew(connection, load_id)
    connection.execute("DELETE FROM fault WHERE load = ? AND state = ?", (load_id, int(State.INVALID)))
    done = _one(connection, "SELECT total(done) FROM request WHERE load = ?", load_id)
    exceptional = _one(connection, "SELECT count(*) FROM fault WHERE load = ?", load_id)
    in_flight = open_rows(connection, load_id, is_live=False)[None]
    connection.execute(
        "UPDATE load SET generation = generation + 1, rows = 0, unseen = ? WHERE id = ?",
        (int(done + exceptional + in_flight), load_id),
    )


def _has_records(connection: sqlite3.Connection, load_id: int) -> bool:
    """Whether anything is recorded of the load's rows."""
    is_refused = _one(connection, "SELECT EXISTS (SELECT 1 FROM fault WHERE load = ?)", load_id)
    return bool(is_refused) or _has_sent(connection, load_id)


def _has_sent(connection: sqlite3.Connection, load_id: int) -> bool:
    return bool(_one(connection, "SELECT EXISTS (SELECT 1 FROM request WHERE load = ?)", load_id))


def _warnings(terms: LoadTerms, is_changed: bool) -> tuple[str, ...]:  # noqa: FBT001 - a fact, not an option
    if not is_changed or terms.has_key_columns:
        return ()
    notice = "has changed and no key columns are named: a row that was edited after it was sent looks like a new one."
    return (f"The source of {terms.name!r} {notice}",)


def _one(connection: sqlite3.Connection, query: str, load_id: int) -> float:
    value: float = connection.execute(query, (load_id,)).fetchone()[0]
    return value
