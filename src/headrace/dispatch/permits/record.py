"""A record of the permit file: one thing that happened to one permit, in 48 bytes of fixed form with a checksum.

A record that was cut short, or is not what was written, is told by its length or its checksum. It carries two clocks:
the machine's since it was started, exact and common to all processes of one boot, and the wall's for those of another.
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Final
from zlib import crc32

from msgspec import Struct

_FORM: Final = struct.Struct("<BxxxQQQdd")
_SUM: Final = struct.Struct("<I")
SIZE: Final = _SUM.size + _FORM.size
"""Bytes of one record."""


class Kind(IntEnum):
    """What a record says. The numbers are on disk: they are never given to another meaning."""

    GRANTED = 1
    """A permit was given, or is about to be."""
    SETTLED = 2
    """It was answered at that instant."""
    LOST = 3
    """It was given up at that instant, and may be counted until `linger` later."""
    REFUNDED = 4
    """It was not used."""
    SPENT = 5
    """Nobody knows what was sent until that instant: the whole window counts as spent then."""
    KEPT = 6
    """No instant: somebody holds permits for `at` seconds, and what is younger must not be forgotten."""
    PAST = 7
    """So many as `number` says were counted at that instant, or just before. They hold no slot any longer."""
    WORKED = 8
    """No instant: the server worked so many microseconds as `number` says, at `at` seconds of its epoch."""


class Record(Struct, frozen=True, gc=False):
    """What happened to the permit `number` of the log `owner`, at `at` seconds since the start `boot` of the machine.

    `wall` is the same instant in seconds of the epoch. Owner 0 is nobody: what has ended and was only carried over.
    """

    kind: Kind
    boot: int
    owner: int
    number: int
    at: float
    wall: float


class Moment(Struct, frozen=True, gc=False):
    """Now: seconds since the start `boot` of the machine, and seconds of the epoch."""

    boot: int
    now: float
    wall: float

    def record(self, kind: Kind, owner: int, number: int, at: float | None = None) -> Record:
        """Return the record of what happens now, or happened at `at`."""
        instant = self.now if at is None else at
        return Record(kind, self.boot, owner, number, instant, self.wall - (self.now - instant))

    def instant(self, record: Record) -> float:
        """Return when `record` happened, by this boot's clock. What seems to come from the future happened just now."""
        if record.boot == self.boot:
            return min(record.at, self.now)
        return self.now - max(0.0, self.wall - record.wall)


def encode(records: Iterable[Record]) -> bytes:
    """Return the bytes of `records`."""
    return b"".join(map(_encoded, records))


def decode(data: bytes) -> tuple[list[Record], bool]:
    """Return the records in `data`, whole ones only, and whether all of them are what was written."""
    starts = range(0, len(data) - SIZE + 1, SIZE)
    found = [_decoded(data[start : start + SIZE]) for start in starts]
    records = [record for record in found if record is not None]
    return records, len(records) == len(found)


def _encoded(record: Record) -> bytes:
    body = _FORM.pack(record.kind, record.boot, record.owner, record.number, record.at, record.wall)
    return _SUM.pack(crc32(body)) + body


def _decoded(data: bytes) -> Record | None:
    body = data[_SUM.size :]
    if _SUM.unpack_from(data)[0] != crc32(body):
        return None
    kind, boot, owner, number, at, wall = _FORM.unpack(body)
    # A block of zeros has a checksum of its own, but not the kind of any record.
    return Record(Kind(kind), boot, owner, number, at, wall) if kind in _KINDS else None


_KINDS: Final = frozenset(Kind)
