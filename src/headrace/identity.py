"""What identifies a row, an operation and an import: pure digests, the same in every run and on every machine."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET

KEY_BYTES = 16

TEMPLATES = 256

_SEPARATOR = "\x1f"
_empty = blake2b(digest_size=KEY_BYTES)

_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


def row_key(cells: Sequence[Any]) -> bytes:
    """Return the 16-byte identity of a row from the values of its key columns.

    Equal values give equal keys whatever the line, the file's encoding, the order of the other columns, and whether a
    number came as text or as JSON. Identical rows share a key on purpose and are told apart by counting.
    """
    texts = tuple(_texts(cells))
    return _digest_of(_SEPARATOR.join(texts), texts)


def row_keys(rows: Sequence[Sequence[Any]]) -> list[bytes]:
    """Return `row_key` of each of `rows`, which are equally long."""
    columns = _columns(rows)
    if columns is None:
        return list(map(row_key, rows))
    return _digests(list(map(_SEPARATOR.join, zip(*columns, strict=True))), len(columns)) or list(map(row_key, rows))


class RecordKey:
    """Gives rows without key columns their 16-byte identity, from cells that have names.

    Blank cells do not count: a column more that is blank, or one that comes up only later, changes no key.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._labels = tuple(name.replace("%", "%%") + "=%s" for name in names)
        self._full = _SEPARATOR.join(self._labels)
        # Mutable: which cells are not blank, to the template of their names; at most `TEMPLATES` of them.
        self._templates: dict[bytes, str] = {}

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> list[bytes]:
        """Return `of` each of `rows`, in a few calls into C for all of them where no cell is blank."""
        columns = _columns(rows)
        if columns is None or any("" in column for column in columns):
            return list(map(self.of, rows))
        joined = list(map(self._full.__mod__, zip(*columns, strict=True)))
        return _digests(joined, len(columns)) or list(map(self.of, rows))

    def of(self, cells: Sequence[Any]) -> bytes:
        """Return the identity of the row with these `cells`, in the order of the names."""
        texts = tuple(_texts(cells))
        if all(texts):
            return _digest_of(self._full % texts, texts)
        filled = tuple(filter(None, texts))
        return _digest_of(self._template(bytes(map(bool, texts))) % filled, filled)

    def _template(self, mask: bytes) -> str:
        known = self._templates.get(mask)
        if known is None:
            if len(self._templates) >= TEMPLATES:
                self._templates.clear()
            known = _SEPARATOR.join(label for label, is_filled in zip(self._labels, mask, strict=True) if is_filled)
            self._templates[mask] = known
        return known


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[str]] | None:
    """Return the columns of `rows` without blanks around their cells, None where not all cells are text."""
    try:
        return [list(map(str.strip, column)) for column in zip(*rows, strict=True)]
    except TypeError:
        return None


def _digests(joined: list[str], width: int) -> list[bytes] | None:
    """Return the digests of rows of `width` texts; None where a text may hold the separator, or there are no texts."""
    if not joined or "".join(joined).count(_SEPARATOR) != len(joined) * (width - 1):
        return None
    digests, copy = [], _empty.copy  # a copy costs half as much as a new state
    for text in joined:
        state = copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        digests.append(state.digest())
    return digests


def _texts(cells: Sequence[Any]) -> Iterable[str]:
    try:
        return list(map(str.strip, cells))  # all cells of a CSV row are text
    except TypeError:
        return map(_canonical, cells)


def _digest_of(joined: str, texts: Sequence[str]) -> bytes:
    """Return the digest of `joined`; if a text holds the separator, of their JSON behind one separator too many."""
    if joined.count(_SEPARATOR) >= max(1, len(texts)):
        joined = _SEPARATOR * len(texts) + _encode((joined, *texts)).decode()
    state = _empty.copy()
    state.update(joined.encode("utf-8", "surrogatepass"))
    return state.digest()


def _canonical(cell: Any) -> str:
    """Return `cell` as text without surrounding blanks: a missing one as the empty text, any other as JSON has it."""
    if isinstance(cell, str):
        return cell.strip()
    # NaN, which is not itself, is how tables in memory spell a missing value.
    if cell is None or cell is UNSET or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - see above
        return ""
    text = _encode(cell).decode()
    return text[1:-1] if text.startswith('"') else text


def operation_id(*, import_name: str, target: str, resource: str, key: bytes, verb: str) -> bytes:
    """Return the 16-byte id of one operation on one row (RELIABILITY.md 1.2): deterministic, no secret in it."""
    return digest(import_name.encode(), target.encode(), resource.encode(), key, verb.encode())


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
