"""An extract: a file of records that grows page by page, and says beside it how far it is and where to go on.

Pages are appended to a draft. After each, when it is on the disk, the state is written: so a crash leaves at most a
page that nobody recorded, which is cut off. Complete, the draft takes the file's place.
"""

import gzip
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self

import msgspec
from msgspec import UNSET, Struct

from headrace.errors import ChangedError, UsageError
from headrace.ledger import durable
from headrace.ledger.cells import render
from headrace.ledger.lock import Lock

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
_OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


class State(Struct, frozen=True, kw_only=True):
    """How far an extract is: of which query (a digest), its length in bytes, rows and columns, and where to go on.

    `bookmark` is `Wire.bookmark` of the next page, None before the first; `is_whole` says that there is none.
    """

    query: str
    length: int = 0
    rows: int = 0
    columns: tuple[str, ...] = ()
    bookmark: Any = None
    is_whole: bool = False


class Form(Protocol):
    """How records are written. `has_columns` says that fields which are no column are left out."""

    has_columns: ClassVar[bool]

    def head(self, columns: Sequence[str]) -> bytes:
        """Return what stands at the beginning."""

    def lines(self, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
        """Return what stands for some records."""


class Table:
    """CSV: cells that are no text as JSON, blank for null. With `is_safe` no cell is a formula to a spreadsheet."""

    has_columns: ClassVar[bool] = True

    def __init__(self, *, is_safe: bool = False) -> None:
        self._is_safe = is_safe

    def head(self, columns: Sequence[str]) -> bytes:
        """See `Form`."""
        return b"".join(render([columns], is_safe=self._is_safe))

    def lines(self, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
        """See `Form`."""
        rows = [[record.get(name, UNSET) for name in columns] for record in records]
        return b"".join(render(rows, is_safe=self._is_safe))


class JsonLines:
    """One JSON object a line."""

    has_columns: ClassVar[bool] = False

    def head(self, columns: Sequence[str]) -> bytes:
        """See `Form`: there are no columns to name."""
        del columns
        return b""

    def lines(self, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
        """See `Form`."""
        del columns
        return b"".join(_encode(record) + b"\n" for record in records)


def form_of(path: Path, *, is_safe: bool = False) -> Form:
    """Return the form that a file's name asks for. Raises `UsageError` for any other."""
    bare = path.with_suffix("") if path.suffix == ".gz" else path
    match bare.suffix:
        case ".csv":
            return Table(is_safe=is_safe)
        case ".jsonl" | ".ndjson":
            return JsonLines()
    raise UsageError(
        f"{path.name} does not say in which form", hint="name it .csv or .jsonl, also .csv.gz or .jsonl.gz"
    )


class Extract:
    """The draft of one extract. Mutable state: how far it is."""

    def __init__(self, path: Path, state: State, form: Form, descriptor: int, lock: Lock) -> None:
        self._path = path
        self._form = form
        self._descriptor = descriptor
        self._lock = lock
        self.state = state

    @property
    def has_columns(self) -> bool:
        """Whether fields that are no column are left out."""
        return self._form.has_columns

    @classmethod
    def open(cls, path: Path, query: str, *, is_safe: bool = False) -> Self:
        """Begin the extract at `path`, or go on with an interrupted one.

        Raises `ChangedError` where that was of another query, `LockedError` while another process is at it,
        `UsageError` where it cannot be written.
        """
        form = form_of(path, is_safe=is_safe)
        try:
            lock = Lock.acquire(path.with_name(f"{path.name}.part.lock"))
            try:
                state = _recorded(path, query)
                return cls(path, state, form, _draft(path, state.length), lock)
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", hint="check the path") from None

    def begin(self, columns: Sequence[str]) -> None:
        """Write the head. Raises `OSError`, as all writing does."""
        self._write(self._form.head(columns), msgspec.structs.replace(self.state, columns=tuple(columns)))

    def append(self, records: Sequence[Mapping[str, Any]], bookmark: Any) -> None:
        """Append a page of records, after which `bookmark` is the next; None says that there is none."""
        state = msgspec.structs.replace(
            self.state, rows=self.state.rows + len(records), bookmark=bookmark, is_whole=bookmark is None
        )
        self._write(self._form.lines(records, self.state.columns), state)

    def finish(self) -> None:
        """Put the complete draft in the file's place."""
        durable.rename(_part(self._path), self._path)
        _state_of(self._path).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the draft, complete or not; one that nothing was written to is taken away."""
        os.close(self._descriptor)
        if not self.state.length:
            _part(self._path).unlink(missing_ok=True)
            _state_of(self._path).unlink(missing_ok=True)
        self._lock.release()

    def _write(self, data: bytes, state: State) -> None:
        """Append `data`, have it on the disk, then record it."""
        packed = gzip.compress(data, mtime=0) if data and self._path.suffix == ".gz" else data
        durable.write_all(self._descriptor, packed)
        os.fsync(self._descriptor)
        self.state = msgspec.structs.replace(state, length=state.length + len(packed))
        durable.replace(_state_of(self._path), _encode(self.state))


def _recorded(path: Path, query: str) -> State:
    """Return how far an interrupted extract is; the beginning where there is none, or nothing of it is left."""
    fresh = State(query=query)
    try:
        state = msgspec.json.decode(_state_of(path).read_bytes(), type=State)
        size = _part(path).stat().st_size
    except FileNotFoundError:
        return fresh
    except msgspec.DecodeError:
        raise _other(path) from None
    if state.query != query:
        raise _other(path)
    return state if size >= state.length else fresh


def _other(path: Path) -> ChangedError:
    return ChangedError(
        f"{_part(path).name} is the beginning of another export",
        hint=f"finish that one with its own options, or remove {_part(path).name} and {_state_of(path).name}",
    )


def _draft(path: Path, length: int) -> int:
    """Return the draft as it was recorded: what was written after that is cut off."""
    part = _part(path)
    if not length:
        return durable.create(part)
    descriptor = os.open(part, _OPEN)
    os.ftruncate(descriptor, length)
    os.lseek(descriptor, 0, os.SEEK_END)
    return descriptor


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _state_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part.json")
