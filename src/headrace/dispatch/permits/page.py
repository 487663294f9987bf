"""The page of one window: its file of records, shared by processes, and the book that is kept of it.

Records are only ever appended, under the folder's lock; each process reads what was added since it last looked. When
most of them say nothing any longer, the rest is written to a new file that takes the old one's place.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from headrace.dispatch.permits.book import Book
from headrace.dispatch.permits.record import SIZE, Kind, Moment, Record, decode, encode

MODE: Final = 0o600
_OPEN: Final = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = _OPEN | os.O_CREAT | os.O_EXCL
_IDLE_RECORDS: Final = 512
"""How many records may say nothing any longer before a file that is otherwise small is written anew."""
_LONGEST_BACKLOG: Final = 65_536
"""Records. More than any window holds: while the disk takes nothing, the oldest have lapsed before they are dropped."""


class Page:
    """The file at `path` and its `book`. Only `need`, `note` and `close` do without the folder's lock.

    Nothing raises `OSError`: while the file cannot be read or written, the book is kept in memory, and written later.
    """

    def __init__(self, path: Path, linger: float) -> None:
        self._path = path
        self._linger = linger
        self.book = Book(linger, 0.0)
        # Mutable state: for how many seconds we need permits to be kept, the open file, how far it was read, and our
        # own records that are not yet in it.
        self._hold = 0.0
        self._file: int | None = None
        self._end = 0
        self._backlog: deque[Record] = deque(maxlen=_LONGEST_BACKLOG)

    def need(self, hold: float) -> None:
        """Have permits kept for `hold` seconds at least. Before `refresh`, because what cannot be read needs it."""
        self._hold = self.book.slots.hold = max(self._hold, self.book.slots.hold, hold)

    def note(self, record: Record, moment: Moment) -> None:
        """Enter `record`, and keep it for the next `flush`."""
        self.book.enter((record,), moment)
        self._backlog.append(record)

    def refresh(self, moment: Moment) -> None:
        """Enter what others have written."""
        with suppress(OSError):
            size = self._attach(moment)
            if size < self._end:
                self._rewrite(moment)
            elif size > self._end:
                self._read(moment)
        if self.book.kept < self._hold:
            self.note(moment.record(Kind.KEPT, 0, 0, self._hold), moment)

    def flush(self, moment: Moment) -> None:
        """Write what was noted."""
        if not self._backlog or self._file is None:
            return
        with suppress(OSError):
            self._append(encode(self._backlog))
            self._backlog.clear()
            if self._end // SIZE > 2 * len(self.book) + _IDLE_RECORDS:
                self._rewrite(moment)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    # Reading...

    def _attach(self, moment: Moment) -> int:
        """Open the file that is at the path now, if it is another than before; return its size in bytes."""
        try:
            found = self._path.lstat()
        except FileNotFoundError:  # not yet there, or removed by hand: what we know is put back
            self._rewrite(moment)
            return self._end
        if self._file is None or not os.path.samestat(found, os.fstat(self._file)):
            self._adopt(os.open(self._path, _OPEN), end=0)
            self.book = Book(self._linger, self._hold)
            self._read(moment)
            self.book.enter(self._backlog, moment)
        return found.st_size

    def _read(self, moment: Moment) -> None:
        assert self._file is not None
        data = b"".join(_blocks(self._file, self._end))
        records, is_intact = decode(data)
        self.book.enter(records, moment)
        self._end += len(data) // SIZE * SIZE
        if not is_intact:
            # Somebody may have sent what we cannot read: as if everything had been sent until now.
            self.book.enter((moment.record(Kind.SPENT, 0, 0),), moment)
            self._rewrite(moment)
        elif len(data) % SIZE:
            # Whoever began that record died before it was acted upon.
            os.ftruncate(self._file, self._end)

    # Writing...

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        try:
            _write(self._file, data)
        except OSError:
            with suppress(OSError):  # what is left there is cut off by the next reader
                os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)

    def _rewrite(self, moment: Moment) -> None:
        """Put a file in place that holds only what is still true."""
        data = encode(self.book.summary(moment))
        with _draft(self._path) as (draft, path):
            _write(draft, data)
            path.replace(self._path)
        self._adopt(draft, end=len(data))
        self._backlog.clear()
        self.book.kept = self.book.slots.hold

    def _adopt(self, descriptor: int, *, end: int) -> None:
        self.close()
        self._file, self._end = descriptor, end


@contextmanager
def _draft(target: Path) -> Iterator[tuple[int, Path]]:
    """Give a new file beside `target`; it is closed and removed where the block fails."""
    path = target.with_suffix(".next")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, _NEW, MODE)
    try:
        yield descriptor, path
    except BaseException:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise


def _write(descriptor: int, data: bytes) -> None:
    """Write all of `data` in one call: a part of it is a disk that is full, and as bad as nothing."""
    if os.write(descriptor, data) < len(data):
        raise OSError


def _blocks(descriptor: int, start: int) -> Iterator[bytes]:
    """Yield what the file holds from `start` on; a single read may return less."""
    while block := os.pread(descriptor, 1 << 20, start):
        yield block
        start += len(block)
