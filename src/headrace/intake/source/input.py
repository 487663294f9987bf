"""The bytes below a source: opened, counted, unpacked and bounded, a block at a time."""

import os
import stat
import sys
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from headrace.errors import SourceError
from headrace.identity import content_digest
from headrace.intake.source.compression import CutError, unpack
from headrace.intake.suggestion import did_you_mean

BLOCK: Final = 64 * 1024

FOREIGN: Final = {
    b"\x1f\x8b": ("is gzip-compressed", "rename it so that it ends in .gz"),
    b"PK\x03\x04": ("is a ZIP archive or an Excel workbook", "save the sheet as CSV (UTF-8) and import that"),
    b"\xd0\xcf\x11\xe0": ("is an old Excel workbook", "save the sheet as CSV (UTF-8) and import that"),
    b"PAR1": ("is a Parquet file", "export the table as CSV or JSON Lines and import that"),
    b"%PDF": ("is a PDF", "export the table as CSV and import that"),
}
"""First bytes of formats that people take for text, by what to say."""


class Input:
    """One file, pipe or standard input.

    A regular file is read as long as it was when it was opened: what is appended meanwhile is for the next run.
    """

    def __init__(self, path: Path | None, *, name: str, compression: str | None) -> None:
        self.name = name
        self._path = path
        self._compression = compression
        self.size = None if path is None else _size(path, name)
        # Mutable: how far the latest counted pass is, the pass itself, and whether a pipe has been used up.
        self._at = 0
        self._pass: Generator[bytes] | None = None
        self._is_spent = False

    @property
    def is_replayable(self) -> bool:
        """Whether it is a regular file."""
        return self.size is not None

    def fraction(self) -> float | None:
        """Return how much of the stored bytes the latest pass has read."""
        if self.size is None:
            return None
        return min(1.0, self._at / self.size) if self.size else 1.0

    def fingerprint(self) -> bytes | None:
        """Return the digest of the stored bytes, None for what can be read only once."""
        return content_digest(self._stored()) if self.is_replayable else None

    def blocks(self) -> Iterator[bytes]:
        """Yield the unpacked bytes from the start, counting. Raises `CutError` where they break off."""
        self.close()
        self._at = 0
        self._pass = self._stored(is_counted=True)
        return unpack(self._pass, self._compression, spent=lambda: self._at)

    def scan(self) -> Iterator[bytes]:
        """Yield the unpacked bytes for a look ahead, without counting; they simply end where they break off."""
        spent = 0

        def stored() -> Iterator[bytes]:
            nonlocal spent
            for block in self._stored():
                spent += len(block)
                yield block

        try:
            yield from unpack(stored(), self._compression, spent=lambda: spent)
        except CutError:
            return

    def close(self) -> None:
        """End the latest pass."""
        if self._pass is not None:
            self._pass.close()
            self._pass = None

    def _stored(self, *, is_counted: bool = False) -> Generator[bytes]:
        """Yield the bytes as they are on disk or come out of the pipe."""
        left = self.size if self.size is not None else sys.maxsize
        with self._open() as file:
            while left > 0 and (block := _read(file, min(BLOCK, left), self.name)):
                left -= len(block)
                if is_counted:
                    self._at += len(block)
                yield block

    def _open(self) -> BinaryIO:
        if not self.is_replayable:
            if self._is_spent:
                raise SourceError("can be read only once", file=self.name, hint="save it to a file and import that")
            self._is_spent = True
        if self._path is None:
            # A copy of the descriptor, so that closing ours leaves the host's standard input open.
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        return _open(self._path, self.name)


def _size(path: Path, name: str) -> int | None:
    """Return the length of a regular file that can be read, None for a pipe or device."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(error, path, name) from None
    if stat.S_ISDIR(found.st_mode):
        raise SourceError("is a directory, not a file", file=name, hint=_near(path / "x"))
    if not stat.S_ISREG(found.st_mode):
        return None
    _open(path, name).close()
    return found.st_size


def _open(path: Path, name: str) -> BinaryIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(error, path, name) from None


def _read(file: BinaryIO, length: int, name: str) -> bytes:
    try:
        return file.read(length)
    except OSError as error:
        raise SourceError(f"cannot be read on: {error.strerror}", file=name) from None


def _unreadable(error: OSError, path: Path, name: str) -> SourceError:
    """Translate the operating system's refusal to open a file."""
    match error:
        case FileNotFoundError():
            return SourceError("there is no such file", file=name, hint=_near(path))
        case PermissionError():
            return SourceError("may not be read by this user", file=name, hint="change the file's permissions")
    return SourceError(f"cannot be opened: {error.strerror}", file=name)


def _near(path: Path) -> str | None:
    """Return a suggestion from the files beside `path`; at most a thousand are looked at."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry, _ in zip(entries, range(1_000), strict=False)]
    except OSError:
        return None
    return did_you_mean(path.name, names)


def refusing_foreign(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass `blocks` on. Raises `CutError` if there is none, or the first says that this is none of our formats."""
    first = next(blocks, b"")
    if not first:
        raise CutError("is empty", hint="there is nothing in it to import", line=0)
    said = next((said for magic, said in FOREIGN.items() if first.startswith(magic)), None)
    if said:
        raise CutError(said[0], hint=said[1], line=0)
    return chain((first,), blocks)
