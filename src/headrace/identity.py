"""What identifies a row, an operation and an import: pure digests, the same in every run and on every machine."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET

KEY_BYTES = 16

_encode = msgspec.json.Encoder(order="deterministic").encode


def row_key(cells: Sequence[Any]) -> bytes:
    """Return the 16-byte identity of a row from the values of its key columns (or of all its mapped columns).

    Equal values give equal keys whatever the line, the file's encoding, the order of the other columns, and whether a
    number came as text or as JSON. Identical rows share a key on purpose and are told apart by counting.
    """
    return blake2b(_encode([_canonical(cell) for cell in cells]), digest_size=KEY_BYTES).digest()


def _canonical(cell: Any) -> Any:
    """Return `cell` as text where it is a scalar, without surrounding blanks; a missing one as the empty text."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None or cell is UNSET:
        return ""
    return cell if isinstance(cell, (list, dict)) else _encode(cell).decode()


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
