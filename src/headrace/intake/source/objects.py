"""JSON texts to rows: each a JSON object, or a row that is broken and says why."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from headrace.intake.suggestion import shown
from headrace.model import Fault

MAX_DEPTH: Final = 100
"""Deepest nesting of a row; past a thousand, what is read could not be written again."""

Read: TypeAlias = tuple[list[dict[str, Any]], dict[int, tuple[Fault, ...]]]

_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_KEY: Final = re.compile(rb'"\s*:')


def objects(texts: Sequence[bytes]) -> Read:
    """Return the rows that `texts` are, and the faults of those that are none, by their place.

    A broken row is empty. Broken are: what is not JSON or not UTF-8, NaN, lone surrogates, numbers out of range, a key
    that occurs twice, nesting deeper than `MAX_DEPTH`, and JSON that is not an object.
    """
    try:
        rows = [_decode(text) for text in texts]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _one_by_one(texts)
    return (rows, {}) if _is_plain(b"".join(texts), rows) else _one_by_one(texts)


def _is_plain(text: bytes, rows: list[dict[str, Any]]) -> bool:
    """Whether there can be neither a double key nor deep nesting: as many colons as keys, few brackets."""
    return text.count(b":") == sum(map(len, rows)) and text.count(b"[") <= MAX_DEPTH


def _one_by_one(texts: Sequence[bytes]) -> Read:
    rows: list[dict[str, Any]] = []
    broken: dict[int, tuple[Fault, ...]] = {}
    for place, text in enumerate(texts):
        row, fault = _judged(text)
        rows.append(row)
        if fault is not None:
            broken[place] = (fault,)
    return rows, broken


def _judged(text: bytes) -> tuple[dict[str, Any], Fault | None]:
    try:
        row = _decode(text)
        if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _depth(row) > MAX_DEPTH:
            return {}, _too_deep(text)
        double = _double_key(text, row)
    except RecursionError:
        return {}, _too_deep(text)
    except msgspec.ValidationError as error:
        return {}, _bad(text, str(error), "bad_json" if "out of range" in str(error) else "not_an_object")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return {}, _bad(text, str(error), "bad_json")
    return (row, None) if double is None else ({}, _double(text, double))


def _double_key(text: bytes, row: dict[str, Any]) -> str | None:
    """Return a key that an object of `text` has twice; msgspec keeps the last one without a word.

    Counting settles nearly every row: there are never fewer colons than keys.
    """
    if text.count(b":") == len(row) or len(_KEY.findall(text)) == _keys(row):
        return None
    doubles: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                doubles.append(key)
            seen.add(key)

    json.loads(text, object_pairs_hook=note)
    return doubles[0] if doubles else None


def _keys(value: Any) -> int:
    """Return the number of keys in all objects of `value`."""
    match value:
        case dict():
            return len(value) + sum(map(_keys, value.values()))
        case list():
            return sum(map(_keys, value))
    return 0


def _depth(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
    return 0


# --- what to say


def _bad(text: bytes, why: str, code: str) -> Fault:
    what = {"not_an_object": "the row is JSON, but not an object", "bad_json": "the row is not valid JSON"}[code]
    hint = 'a row looks like {"column": "value", ...}' if code == "not_an_object" else None
    return Fault(code=code, error=f"{what}: {why[:200]}", value=_quoted(text), hint=hint)


def _too_deep(text: bytes) -> Fault:
    return Fault(code="bad_json", error=f"the row is nested more than {MAX_DEPTH} deep", value=_quoted(text))


def _double(text: bytes, key: str) -> Fault:
    return Fault(
        code="double_key",
        error=f"the row has the key '{shown(key)}' twice",
        column=shown(key),
        value=_quoted(text),
        hint="only one of the two can be meant",
    )


def _quoted(text: bytes) -> str:
    return shown(text[:400].decode("utf-8", "replace").strip())
