"""The nouns that travel between the stages of the flow. No I/O, nothing of ours imported.

A *row* is what a source holds, a *record* is a row that is valid, a *batch* is what one request carries, and an
*outcome* is what became of a row. Every row of a source ends in exactly one outcome.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, BinaryIO, Final, TypeAlias

from msgspec import Struct

Cell: TypeAlias = Any
"""One value of a row as found: text from CSV, any JSON value from JSON, `UNSET` where a JSON row lacks the key."""
NO_MAPPING: Final[Mapping[str, str]] = MappingProxyType({})


class Fault(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with one row, found by us or reported by the provider.

    `code` is a stable word for machines (`missing`, `not_a_date`, `unknown_value`, the provider's own code ...),
    `error` a sentence for people, `hint` what to do about it. `field` is the resource's, `column` the source's.
    """

    code: str
    error: str
    field: str | None = None
    column: str | None = None
    value: str | None = None
    hint: str | None = None


# --- intake -----------------------------------------------------------------------------------------------------


class Chunk(Struct, frozen=True, gc=False):
    """Up to a few hundred consecutive rows of one source, in the source's own order.

    `columns` only ever grows within one source, at its end (JSON rows may bring new keys), so that a position keeps
    its meaning. `lines[i]` is the 1-based line on which `rows[i]` starts. A row that the source could read only in
    part is still in `rows`, and its faults are in `broken` under its position in the chunk.
    """

    columns: tuple[str, ...]
    offset: int
    lines: Sequence[int]
    rows: list[list[Cell]]
    broken: Mapping[int, tuple[Fault, ...]] = MappingProxyType({})


class Row(Struct, frozen=True, gc=False):
    """One row as found, with its identity.

    `offset` is its 0-based place in the source, `line` the 1-based line it starts on, `key` the 16-byte digest that
    identifies it across edits of the source (`identity.row_key`), `cells` its values in the source's column order.
    """

    offset: int
    line: int
    key: bytes
    cells: Sequence[Cell]


class Record(Struct, frozen=True, gc=False):
    """A row that is valid: the resource's Struct, and the row it came from."""

    row: Row
    value: Struct


class Recalled(Struct, frozen=True, gc=False):
    """A row that was sent before and has come by again, to be looked up.

    `intent` is the one that is still open, None where the row was proven absent and is audited at the end. It cannot
    have been executed before `since` (seconds since the epoch, the server's), None where nobody knows. `print` is the
    digest of what was sent, None where it is not known.
    """

    row: Row
    intent: int | None
    since: float | None
    print: bytes | None


class Batch(Struct, frozen=True, gc=False):
    """The records that one request carries, in order. Never empty."""

    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.records)


# --- outcomes: a closed union ----------------------------------------------------------------------------------


class Done(Struct, frozen=True, tag=True, gc=False):
    """The provider holds the row, once, under `remote_id`; `proof` is `response` or `readback`."""

    offset: int
    line: int
    remote_id: str
    proof: str = "response"


class Rejected(Struct, frozen=True, tag=True):
    """The provider refused the row; nothing of it was stored."""

    offset: int
    line: int
    errors: tuple[Fault, ...]


class Invalid(Struct, frozen=True, tag=True):
    """We refused the row before sending anything of it."""

    offset: int
    line: int
    errors: tuple[Fault, ...]


class Skipped(Struct, frozen=True, tag=True):
    """The row was there before the import, under `remote_id`; empty where nobody knows it."""

    offset: int
    line: int
    why: str
    remote_id: str = ""


class InDoubt(Struct, frozen=True, tag=True):
    """The row was sent and no answer proves what became of it. It is never sent again blindly."""

    offset: int
    line: int
    why: str


class Duplicated(Struct, frozen=True, tag=True):
    """The provider holds the row more than once, under `remote_ids`."""

    offset: int
    line: int
    remote_ids: tuple[str, ...]


class NotAttempted(Struct, frozen=True, tag=True):
    """The run ended before the row was sent, or what was sent is proven not to have been executed."""

    offset: int
    line: int
    why: str


Outcome: TypeAlias = Done | Rejected | Invalid | Skipped | InDoubt | Duplicated | NotAttempted

COUNTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Done": "done",
        "Rejected": "rejected",
        "Invalid": "invalid",
        "Skipped": "skipped",
        "InDoubt": "in_doubt",
        "Duplicated": "duplicated",
        "NotAttempted": "not_attempted",
    }
)
"""The kind of an outcome to the count it is in, in `Counts` and in every report."""


class Settled(Struct, frozen=True, gc=False):
    """A row together with what became of it."""

    row: Row
    outcome: Outcome


class Sifted(Struct, frozen=True, gc=False):
    """What validation makes of a chunk: records to send, rows refused here, and names whose records are `there`."""

    records: list[Record]
    invalid: list[Settled]
    there: Sequence[Settled] = ()


class Counts(Struct, frozen=True, kw_only=True):
    """How many rows ended how. `rows` is the sum of all others; `is_conserved` says whether that holds."""

    rows: int = 0
    done: int = 0
    rejected: int = 0
    invalid: int = 0
    skipped: int = 0
    in_doubt: int = 0
    duplicated: int = 0
    not_attempted: int = 0

    @property
    def settled(self) -> int:
        """How many rows have an outcome other than "not attempted"."""
        return self.done + self.rejected + self.invalid + self.skipped + self.in_doubt + self.duplicated

    @property
    def is_conserved(self) -> bool:
        """Whether every row read is in exactly one count (RELIABILITY.md, invariant I6)."""
        return self.rows == self.settled + self.not_attempted

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class WindowUse(Struct, frozen=True):
    """How much of one rate window is taken now: `used` of `limit` requests."""

    name: str
    used: int
    limit: int


# --- requests ---------------------------------------------------------------------------------------------------


class Secret:
    """A credential that shows itself only to whoever asks with `reveal()`. Its repr, str and format hide it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential itself. Only `dispatch.http` and the budget's keyed digest call this."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a Secret is not serialised")


class Lane(IntEnum):
    """Who goes first at the gate: the host application, then read-backs and lookups, then rows."""

    APPLICATION = 0
    READBACK = 1
    ROWS = 2


class Form(Struct, frozen=True):
    """A body as a multipart form: its fields in order, and last an open file, under its name and media type."""

    fields: tuple[tuple[str, Secret], ...]
    file: BinaryIO
    name: str
    media_type: str


class Request(Struct, frozen=True, kw_only=True):
    """One request as it goes to the provider, without its credentials.

    `path` is below the base URL and starts with `/`. `route` names the limit class of the path (`reports`), None for
    the general one. `is_read` says that sending it twice changes nothing, so that it may be repeated.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = NO_MAPPING
    body: bytes | None = None
    form: Form | None = None
    route: str | None = None
    lane: Lane = Lane.ROWS
    is_read: bool = False


class Response(Struct, frozen=True, kw_only=True):
    """One answer, read to its end. Header names are lower case; `body` holds at most the transport's limit in bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without its parameters, lower case; empty where the answer names none."""
        return self.headers.get("content-type", "").split(";", 1)[0].strip().lower()
