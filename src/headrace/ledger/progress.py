"""Progress: how far a load's source was read, so that counts are right even after a kill."""

import sqlite3


class Progress:
    """How far the source was read, as books that the group commit keeps.

    `rows` counts the source's rows seen by the furthest pass, `unseen` the settled ones that it did not show by then.
    """

    def __init__(self, load_id: int, rows: int, unseen: int) -> None:
        self._load = load_id
        self._now = self._saved = self._saving = (rows, unseen)

    @property
    def rows(self) -> int:
        """How many rows the furthest pass has seen."""
        return self._now[0]

    def advance(self, rows: int, unseen: int) -> None:
        """Remember where the present pass is, where it is further than all before it."""
        if rows >= self._now[0]:
            self._now = (rows, unseen)

    def record(self, connection: sqlite3.Connection) -> None:
        """See `commit.Books`."""
        self._saving = self._now
        if self._saving != self._saved:
            connection.execute("UPDATE load SET rows = ?, unseen = ? WHERE id = ?", (*self._saving, self._load))

    def recorded(self) -> None:
        """See `commit.Books`."""
        self._saved = self._saving
