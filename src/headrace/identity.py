"""What identifies a row, an operation and an import: pure digests, the same in every run and on every machine."""

from base64 import b32encode
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any
from unicodedata import normalize

import msgspec
from msgspec import UNSET

KEY_BYTES = 16
PRINT_BYTES = 8

_SEPARATOR = "\x1f"
_empty = blake2b(digest_size=KEY_BYTES)

_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode
_encode_value = msgspec.json.Encoder(enc_hook=str).encode


def row_key(cells: Sequence[Any]) -> bytes:
    """Return the 16-byte identity of a row from the values of its key columns.

    Equal values give equal keys whatever the line, the file's encoding, the order of the other columns, and whether a
    number came as text or as JSON. Identical rows share a key on purpose and are told apart by counting.
    """
    texts = [_canonical(cell) for cell in cells]
    return _digest_of(_SEPARATOR.join(texts), texts, separators=len(texts) - 1)


def row_keys(rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """Return `row_key` of each of `rows`, which are equally long."""
    columns = _plain_columns(rows)
    if not columns:
        return list(map(row_key, rows))
    return _digests(map(_SEPARATOR.join, zip(*columns, strict=True)))


class RecordKey:
    """Gives rows without key columns their 16-byte identity, from cells that have names.

    Blank cells do not count: a column more that is blank, or one that comes up only later, changes no key.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._leads = tuple(f"{_SEPARATOR}{name}=" for name in names)

    def of(self, cells: Sequence[Any]) -> bytes:
        """Return the identity of the row with these `cells`, in the order of the names."""
        parts = [lead + text for lead, cell in zip(self._leads, cells, strict=True) if (text := _canonical(cell))]
        return _digest_of("".join(parts), parts, separators=len(parts))

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> list[bytes]:
        """Return `of` each of `rows`; where all cells are plain text, by column and so mostly in C."""
        columns = _plain_columns(rows)
        if not columns:
            return list(map(self.of, rows))
        parts = (
            [lead + text if text else "" for text in texts] for lead, texts in zip(self._leads, columns, strict=True)
        )
        return _digests(map("".join, zip(*parts, strict=True)))


def _plain_columns(rows: Sequence[Sequence[Any]]) -> list[list[str]] | None:
    """Return the columns of `rows`, their cells stripped; None where one is no text or holds the separator."""
    try:
        columns = [list(map(str.strip, column)) for column in zip(*rows, strict=True)]
    except TypeError:
        return None
    return None if any(_SEPARATOR in "".join(column) for column in columns) else columns


def _digests(joined: Iterable[str]) -> list[bytes]:
    digests, copy = [], _empty.copy  # a copy costs half as much as a new state
    for text in joined:
        state = copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        digests.append(state.digest())
    return digests


def _digest_of(joined: str, parts: Sequence[str], *, separators: int) -> bytes:
    """Return the digest of `joined`; where a part holds the separator, of their repr behind one separator too many."""
    if joined.count(_SEPARATOR) > max(0, separators):
        joined = _SEPARATOR * (separators + 1) + repr(list(parts))
    return _digests((joined,))[0]


def _canonical(cell: Any) -> str:
    """Return `cell` as text without surrounding blanks: a missing one as the empty text, any other as JSON has it."""
    if isinstance(cell, str):
        return cell.strip()
    # NaN, which is not itself, is how tables in memory spell a missing value.
    if cell is None or cell is UNSET or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - see above
        return ""
    text = _encode(cell).decode()
    return text[1:-1] if text.startswith('"') else text


def value_prints(values: Iterable[Any]) -> list[bytes]:
    """Return an 8-byte digest of each value as it was mapped: whether a row still says what was sent of it."""
    prints = []
    for value in values:
        state = blake2b(_encode_value(value), digest_size=PRINT_BYTES)
        prints.append(state.digest())
    return prints


def folded(name: str) -> str:
    """Return a name without what does not matter in names: case, how many blanks there are, how accents are encoded."""
    text = " ".join(name.split()).casefold()
    return text if text.isascii() else normalize("NFC", text)


def operation_id(*, import_name: str, target: str, resource: str, key: bytes, verb: str) -> bytes:
    """Return the 16-byte id of one operation on one row (RELIABILITY.md 1.2): deterministic, no secret in it."""
    return digest(import_name.encode(), target.encode(), resource.encode(), key, verb.encode())


def marker(operation: bytes) -> str:
    """Return an operation's id as short text that can stand in a record: `hr-` and 26 letters and digits."""
    return f"hr-{b32encode(operation).decode().rstrip('=').lower()}"


def digest(*parts: bytes) -> bytes:
    """Return the 16-byte digest of `parts`, each prefixed by its length so that their borders count."""
    state = blake2b(digest_size=KEY_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def content_digest(blocks: Iterable[bytes]) -> bytes:
    """Return the 16-byte digest of a whole input, read in blocks."""
    state = blake2b(digest_size=KEY_BYTES)
    for block in blocks:
        state.update(block)
    return state.digest()
