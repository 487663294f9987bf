"""The checkpoint's file: its tables, its version, and opening it safely."""

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote

from headrace.errors import HeadraceError, StoppedError, UsageError
from headrace.ledger.durable import sync_folder
from headrace.ledger.seals import check_seals, damaged, register, statements

VERSION: Final = 3
_APPLICATION: Final = 0x68647263  # "hdrc", so that `file` and we know a checkpoint from any other SQLite file
_MAGIC: Final = b"SQLite format 3\0"

# One record per request; `fault` holds a row per exceptional row only, with `place` and `length` (bytes) of its line
# in its results file, NULL while that has not been written. `owed` holds done rows whose line was lost in a crash.
# Of a request, `since` is the server's time (seconds since the epoch) before which it cannot have been executed, NULL
# where nobody knows it; `prints` are digests of the values that were sent, in the order of its rows; `unknown` is 1
# from the moment that its answer was given up until nothing about it is open any more (an absence is audited at the
# end of a load), then 2; 0 for the requests that were simply answered.
_TABLES: Final = """
CREATE TABLE import (
    name TEXT NOT NULL, provider TEXT NOT NULL, base_url TEXT NOT NULL, organization TEXT NOT NULL,
    definition BLOB NOT NULL, lease INTEGER NOT NULL
);
CREATE TABLE load (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, resource TEXT NOT NULL, operation TEXT NOT NULL,
    definition BLOB NOT NULL, mapping BLOB NOT NULL, fingerprint BLOB, generation INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0, unseen INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE request (
    seq INTEGER PRIMARY KEY, load INTEGER NOT NULL, lease INTEGER NOT NULL, numbers BLOB NOT NULL, keys BLOB NOT NULL,
    settled INTEGER, outcomes BLOB, ids BLOB, done INTEGER NOT NULL DEFAULT 0,
    since REAL, prints BLOB, unknown INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX request_settled ON request (load, settled, done);
CREATE INDEX request_unknown ON request (load) WHERE unknown = 1;
CREATE TABLE fault (
    id INTEGER PRIMARY KEY, load INTEGER NOT NULL, number INTEGER NOT NULL, line INTEGER NOT NULL, key BLOB NOT NULL,
    state INTEGER NOT NULL, request INTEGER, detail BLOB NOT NULL, place INTEGER, length INTEGER
);
CREATE UNIQUE INDEX fault_number ON fault (load, number);
CREATE INDEX fault_line ON fault (load, line);
CREATE TABLE owed (
    load INTEGER NOT NULL, number INTEGER NOT NULL, remote_id TEXT NOT NULL, PRIMARY KEY (load, number)
) WITHOUT ROWID;
CREATE TABLE sheet (
    load INTEGER NOT NULL, kind TEXT NOT NULL, length INTEGER NOT NULL DEFAULT 0, crc INTEGER NOT NULL DEFAULT 0,
    columns BLOB NOT NULL DEFAULT '[]', is_ragged INTEGER NOT NULL DEFAULT 0, is_sealed INTEGER NOT NULL DEFAULT 0,
    is_swapping INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (load, kind)
) WITHOUT ROWID;
"""

# Lines of rows that were refused once and are not any more: an old copy of a reject file may still name them.
_FORMER: Final = """
CREATE TABLE IF NOT EXISTS former (load INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY (load, line)) WITHOUT ROWID
"""

_UPGRADES: Final = {
    1: (
        "ALTER TABLE request ADD COLUMN since REAL",
        "ALTER TABLE request ADD COLUMN prints BLOB",
        "ALTER TABLE request ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX request_unknown ON request (load) WHERE unknown = 1",
    ),
    2: tuple(statements()),
}
"""From a version of the format to the statements that make the next one of it."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the checkpoint at `path` for writing, creating it where it is missing; None keeps it in memory.

    Raises `UsageError` when the file is not a checkpoint of ours, is newer than we are, or cannot be opened.
    """
    if path is not None:
        _touch(path)
        _check_magic(path)
    try:
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        register(connection)
        if not _is_empty(connection):
            check(connection, path)  # before anything is changed in what may be someone else's file
        # FULL: a commit is on the disk when it returns (NORMAL may lose the last ones in a power cut, and with them
        # intents). fullfsync does the same on macOS, whose fsync does not reach the disk; elsewhere it does nothing.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = 1", "foreign_keys = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        _create(connection)
        check_seals(connection, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise translated(error, path) from None
    return connection


def connect_reader(path: Path, *, is_checked: bool = False) -> sqlite3.Connection:
    """Open the checkpoint at `path` for reading beside its writer. Creates and changes nothing.

    `is_checked` says that its writer, in this process, has just found every record to be what was written.
    """
    # A read-only connection would create the -wal and -shm files where they are missing. Without a -wal everything is
    # in the file itself, which "immutable" reads alone.
    _check_magic(path)
    mode = "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?{mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        register(connection)
        check(connection, path)
        _check_upgraded(connection, path)
        if not is_checked and not _is_empty(connection):
            check_seals(connection, path)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise translated(error, path) from None
    return connection


def check(connection: sqlite3.Connection, path: Path | None) -> None:
    """Raise `UsageError` unless the open file is a checkpoint that this version understands."""
    application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if application != _APPLICATION:
        raise _not_a_checkpoint(path)
    if version > VERSION:
        raise UsageError(
            f"The checkpoint {path} was written by a newer headrace (format {version}, this one knows {VERSION}).",
            hint="Upgrade headrace, or use another --checkpoint.",
        )


def _check_upgraded(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `UsageError` where a reader, who changes nothing, meets an older format."""
    if _pragma(connection, "user_version") < VERSION and not _is_empty(connection):
        raise UsageError(
            f"The checkpoint {path} was written by an older headrace.",
            hint="Run its import once; that brings it up to date, and it goes on where it stopped.",
        )


def translated(error: Exception, path: Path | None = None) -> HeadraceError:
    """Return our exception for one of SQLite's or the operating system's, by what the user should do about it."""
    if isinstance(error, UnicodeDecodeError):
        return damaged(path, str(error))
    name = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_NOTADB":
        return _not_a_checkpoint(path)
    if name.startswith("SQLITE_CORRUPT"):
        return damaged(path, str(error))
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return UsageError(f"Cannot open the checkpoint {path or ''}: {error}.", hint="Check the path and its rights.")
    reason = getattr(error, "strerror", None) or str(error)
    return StoppedError(
        f"The checkpoint or a results file could not be written: {reason}.",
        hint="Free space (or repair the disk) and run the same command again; nothing is lost.",
    )


def _touch(path: Path) -> None:
    """Create `path` with mode 0600 where it is missing, and refuse what could be someone else's trap."""
    try:
        if _is_open_to_all(path.absolute().parent.stat()):
            raise UsageError(f"Anyone can swap files in the folder of {path}.", hint="Use a folder of your own.")
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(path.absolute().parent)
    except OSError as error:
        raise UsageError(
            f"Cannot open the checkpoint {path}: {error.strerror}.",
            hint="Give a writable path that is not a symbolic link (--checkpoint).",
        ) from None
    if not stat.S_ISREG(found.st_mode) or not _is_ours(found):
        raise UsageError(f"{path} is not a file of yours.", hint="Give another --checkpoint.")
    if found.st_nlink > 1:  # the lock goes by name, so that each name would have a holder of its own
        raise UsageError(
            f"The checkpoint {path} has {found.st_nlink} names (hard links), and could be in use under another one.",
            hint="Remove the other links, or make a real copy of the file and remove this link.",
        )


def _is_open_to_all(folder: os.stat_result) -> bool:
    """Whether others may replace files in a folder that is not ours. What its owner opened to all is their choice."""
    return bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX and not _owns(folder)


def _is_ours(found: os.stat_result) -> bool:
    """Whether a file may be trusted: it is our own, or we are root, who reads everyone's."""
    return _owns(found) or os.geteuid() == 0


def _owns(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()


def _check_magic(path: Path) -> None:
    """Raise where the file is no database at all. SQLite itself takes a very short file for an empty one."""
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start not in {b"", _MAGIC}:
        raise _not_a_checkpoint(path)


def _create(connection: sqlite3.Connection) -> None:
    """Create the tables where there are none, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    if _is_empty(connection):
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute("PRAGMA user_version = 2")  # of the tables above; what came later is an upgrade
    for version in range(_pragma(connection, "user_version"), VERSION):
        for statement in _UPGRADES[version]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
    connection.execute(_FORMER)  # checkpoints made before it was there get it when they are opened
    connection.execute("COMMIT")


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file holds nothing yet: new, or left so by a crash while it was created."""
    is_bare = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    return is_bare and _pragma(connection, "application_id") == 0


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return the value of an integer pragma."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _not_a_checkpoint(path: Path | None) -> UsageError:
    """Return the error for a file that is something else."""
    return UsageError(f"{path} is not a headrace checkpoint.", hint="Give another --checkpoint; the file is untouched.")
