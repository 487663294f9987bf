"""How the ledger writes many rows in one record: states as bytes, row numbers as runs, ids as one list.

A *number* identifies a row within its load for good: the generation of the source in the high bits, the offset in the
low ones. In the first generation (the source has not changed since) the number is the offset.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import chain
from struct import Struct as Layout
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from headrace.identity import KEY_BYTES
from headrace.model import (
    Done,
    Duplicated,
    Fault,
    InDoubt,
    Invalid,
    NotAttempted,
    Outcome,
    Rejected,
    Skipped,
)

GENERATION_BITS: Final = 40
_RUN: Final = Layout("<QI")
_KEY: Final = Layout(f"{KEY_BYTES}s")


class State(IntEnum):
    """What the ledger knows of a row, in one byte. The values are stored: never change one."""

    UNSENT = 0
    DONE = 1
    REJECTED = 2
    INVALID = 3
    SKIPPED = 4
    IN_DOUBT = 5
    DUPLICATED = 6
    OPEN = 7
    """Named by an intent that has no outcome yet. Only ever in memory."""
    UNKNOWN = 8
    """Named by an intent that an earlier run left without an outcome. Only ever in memory."""


STATE_OF: Final = MappingProxyType(
    {
        Done: State.DONE,
        Rejected: State.REJECTED,
        Invalid: State.INVALID,
        Skipped: State.SKIPPED,
        InDoubt: State.IN_DOUBT,
        Duplicated: State.DUPLICATED,
        NotAttempted: State.UNSENT,
    }
)

SETTLED: Final = frozenset({State.DONE, State.REJECTED, State.SKIPPED, State.IN_DOUBT, State.DUPLICATED})
"""What a later run leaves as it is. Invalid rows are not here: the mapping may have changed, they are judged again."""


class Detail(Struct, frozen=True, omit_defaults=True):
    """What is kept of an exceptional outcome, for the results files. Never a cell's value."""

    errors: tuple[Fault, ...] = ()
    why: str = ""
    ids: tuple[str, ...] = ()


encode_detail = msgspec.json.Encoder().encode
_decode_detail = msgspec.json.Decoder(Detail).decode


def pack_detail(outcome: Outcome) -> bytes:
    """Return the `Detail` of an exceptional outcome as JSON.

    Our own sentences may quote the cell, so of what we refused ourselves only code, field and column are kept: the
    row is judged again in the next run, and the sentence with it.
    """
    match outcome:
        case Invalid(errors=errors):
            detail = Detail(tuple(Fault(code=e.code, error="", field=e.field, column=e.column) for e in errors))
        case Rejected(errors=errors):
            detail = Detail(tuple(msgspec.structs.replace(error, value=None) for error in errors))
        case InDoubt(why=why):
            detail = Detail(why=why)
        case Skipped(why=why, remote_id=remote_id):
            detail = Detail(why=why, ids=(remote_id,) if remote_id else ())
        case Duplicated(remote_ids=ids):
            detail = Detail(ids=ids)
        case _:
            detail = Detail()
    return encode_detail(detail)


def unpack_detail(blob: bytes) -> Detail:
    """Return what `pack_detail` packed."""
    return _decode_detail(blob)


def pack_runs(numbers: Sequence[int]) -> bytes:
    """Return row numbers, in their order, as runs of consecutive ones: 12 bytes a run."""
    return b"".join(_RUN.pack(run.start, len(run)) for run in runs(numbers))


def runs(numbers: Sequence[int]) -> list[range]:
    """Return `numbers` as the ranges of consecutive ones that they are made of, in their order."""
    whole = range(numbers[0], numbers[0] + len(numbers)) if numbers else range(0)
    if numbers == [*whole]:
        return [whole]
    borders = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
    return [
        range(numbers[start], numbers[end - 1] + 1)
        for start, end in zip([0, *borders], [*borders, len(numbers)], strict=True)
    ]


def unpack_runs(blob: bytes) -> list[range]:
    """Return the runs that `pack_runs` packed."""
    return [range(start, start + count) for start, count in _RUN.iter_unpack(blob)]


def unpack_numbers(blob: bytes) -> Iterator[int]:
    """Return the row numbers that `pack_runs` packed, one by one."""
    return chain.from_iterable(unpack_runs(blob))


def unpack_keys(blob: bytes) -> Iterator[bytes]:
    """Return the row keys of a record, in the order of its rows."""
    return (key for (key,) in _KEY.iter_unpack(blob))


def pack_ids(outcomes: Iterable[Outcome]) -> bytes:
    """Return the remote ids of the rows that are done, in their order."""
    return msgspec.msgpack.encode([outcome.remote_id for outcome in outcomes if type(outcome) is Done])


_decode_ids = msgspec.msgpack.Decoder(list[str]).decode


def unpack_ids(blob: bytes) -> list[str]:
    """Return what `pack_ids` packed."""
    return _decode_ids(blob)
