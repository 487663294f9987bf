"""One results file of one load: a CSV that grows line by line, and whose every byte is accounted for.

The checkpoint records its length and checksum after the fact, so that after a crash it is cut to what was recorded, and
so that a file which someone edited meanwhile is noticed and moved aside, never overwritten.
"""

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.ledger import durable
from headrace.ledger.cells import render
from headrace.ledger.packing import State

_BLOCK: Final = 1 << 20
_MODE: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Kind(StrEnum):
    """Which results file, by the middle of its name."""

    SUCCESS = "success"
    REJECTS = "rejects"
    IN_DOUBT = "in-doubt"
    DUPLICATES = "duplicates"


OWN_COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.SUCCESS: ("remote_id",),
        Kind.REJECTS: ("line", "field", "code", "error", "hint"),
        Kind.IN_DOUBT: ("line", "why"),
        Kind.DUPLICATES: ("line", "remote_ids"),
    }
)

KIND_OF: Final[Mapping[State, Kind]] = MappingProxyType(
    {
        State.DONE: Kind.SUCCESS,
        State.REJECTED: Kind.REJECTS,
        State.INVALID: Kind.REJECTS,
        State.IN_DOUBT: Kind.IN_DOUBT,
        State.DUPLICATED: Kind.DUPLICATES,
    }
)

STATES_IN: Final[Mapping[Kind, tuple[State, ...]]] = MappingProxyType(
    {kind: tuple(state for state, its in KIND_OF.items() if its is kind) for kind in Kind}
)


class Line(Struct, frozen=True):
    """One line to write: a row's cells in the order of `columns`, and what we add to them.

    `number` is the row's; `fault` the id of its fault record, None for a row that is done.
    """

    kind: Kind
    columns: tuple[str, ...]
    cells: Sequence[Any]
    own: tuple[str, ...]
    number: int
    fault: int | None = None


class Extent(Struct, frozen=True):
    """Where the line of a fault is in its file, in bytes."""

    fault: int
    place: int
    length: int


class Account(Struct, frozen=True):
    """What the checkpoint records of a sheet: length in bytes and CRC-32 up to there, and its original columns.

    `is_ragged` says that lines wider than the header were added (a JSON source brought new keys), `is_sealed` that the
    file was closed in order and so has no byte more than recorded.
    """

    length: int = 0
    crc: int = 0
    columns: tuple[str, ...] = ()
    is_ragged: bool = False
    is_sealed: bool = False


class Sheet:
    """The file of one kind. Used by one thread. Methods raise `OSError` and leave what was recorded in order."""

    def __init__(self, path: Path, kind: Kind, account: Account) -> None:
        self.path = path
        self.kind = kind
        # What the file holds now; the checkpoint's own account is a commit behind.
        self.account = account
        self._descriptor: int | None = None
        self._orders: dict[tuple[str, ...], list[int | None] | None] = {}

    @property
    def header(self) -> tuple[str, ...]:
        """All columns: the original ones, then ours."""
        return (*self.account.columns, *own_columns(self.kind, self.account.columns))

    def append(self, lines: Sequence[Line]) -> list[Extent]:
        """Write `lines` at the end; return where those with a fault are."""
        layouts = frozenset(line.columns for line in lines)
        if not layouts <= self._orders.keys():
            for columns in sorted(layouts, key=len):
                self._grow(columns)
            self._orders = {columns: self._order(columns) for columns in layouts}
        rows: list[Sequence[Any]] = [[*self._arranged(line), *line.own] for line in lines]
        is_new = self.account.length == 0
        rendered = render([self.header, *rows] if is_new else rows)
        place = self.account.length + (len(rendered[0]) if is_new else 0)
        self._write(b"".join(rendered))
        extents = []
        for line, data in zip(lines, rendered[is_new:], strict=True):
            if line.fault is not None:
                extents.append(Extent(line.fault, place, len(data)))
            place += len(data)
        return extents

    def sync(self) -> None:
        """Make what was written durable."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def is_intact(self) -> bool:
        """Whether the file still starts with what was recorded, and with nothing more where it was sealed."""
        try:
            size = self.path.stat().st_size
        except OSError:
            return self.account.length == 0
        if size < self.account.length or (self.account.is_sealed and size != self.account.length):
            return False
        return _checksum(self.path, self.account.length) == self.account.crc

    def cut(self) -> None:
        """Drop what was written after the last record of it; an empty file goes altogether."""
        if self.account.length == 0:
            self.path.unlink(missing_ok=True)
        elif self.path.stat().st_size > self.account.length:
            os.truncate(self.path, self.account.length)

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, _MODE, durable.MODE)
        durable.write_all(self._descriptor, data)
        now = self.account
        self.account = replace(now, length=now.length + len(data), crc=zlib.crc32(data, now.crc), is_sealed=False)

    def _grow(self, columns: tuple[str, ...]) -> None:
        """Add to our columns those of `columns` that are not there; lines already written are then too narrow."""
        now = self.account
        known = frozenset(now.columns)
        grown = (*now.columns, *(name for name in columns if name not in known))
        if grown != now.columns:
            self.account = replace(now, columns=grown, is_ragged=now.is_ragged or now.length > 0, is_sealed=False)

    def _arranged(self, line: Line) -> Sequence[Any]:
        """Return a line's cells in the order of our columns. Surplus cells of a broken row stay, before our columns."""
        order = self._orders[line.columns]
        if order is None:
            return [*line.cells, *[""] * (len(self.account.columns) - len(line.cells))]
        return [line.cells[i] if i is not None and i < len(line.cells) else "" for i in order]

    def _order(self, columns: tuple[str, ...]) -> list[int | None] | None:
        """Return where in `columns` each of ours is, None where they are ours as far as they go."""
        if columns == self.account.columns[: len(columns)]:
            return None
        places = {name: place for place, name in enumerate(columns)}
        return [places.get(name) for name in self.account.columns]


def own_columns(kind: Kind, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the names of our columns beside `columns`: another name where one of theirs is the same."""
    taken = frozenset(columns)
    return tuple(next(free for free in _names(name) if free not in taken) for name in OWN_COLUMNS[kind])


def _names(name: str) -> Iterator[str]:
    """Return what a column of ours may be called, in the order of preference."""
    yield name
    while True:
        name = f"headrace_{name}"
        yield name


def _checksum(path: Path, length: int) -> int:
    """Return the CRC-32 of the first `length` bytes, read in blocks."""
    crc = 0
    with path.open("rb") as file:
        while length > 0 and (block := file.read(min(length, _BLOCK))):
            crc = zlib.crc32(block, crc)
            length -= len(block)
    return crc
