"""The recollection of a machine: which data it has seen in a store, so that it does not take a loss for a beginning."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from headrace.identity import digest

KEPT: Final = 2 * 86_400.0
"""Seconds after which a marker is forgotten: no window is as long."""


class Memory:
    """The markers that were seen last, in a file for each window in `folder`; without one, for as long as it lives.

    Mutable state: what is in the files. What cannot be written is not remembered.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def marker(self, key: str) -> str:
        """Return the marker seen last for a window, empty if there was none of late."""
        if key not in self._known:
            self._known[key] = self._read(key)
        return self._known[key]

    def note(self, key: str, marker: str) -> None:
        """Remember what was seen for a window."""
        if self._folder is None or self._known.get(key) == marker:
            return
        self._known[key] = marker
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file(self._folder, key).write_text(marker, "ascii")

    def _read(self, key: str) -> str:
        if self._folder is None:
            return ""
        file = self._file(self._folder, key)
        try:
            if abs(file.stat().st_mtime - time.time()) > KEPT:
                return ""
            found = file.read_text("ascii").strip()
            file.touch()
        except (OSError, UnicodeDecodeError):
            return ""
        return found

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / digest(b"marker", key.encode()).hex()

    def __repr__(self) -> str:
        return f"<Memory of {len(self._known)} windows>"
