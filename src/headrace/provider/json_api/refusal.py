"""What a refusing answer says: the vendor's errors, each with its row and field as far as its pointer names them."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.json import Decoder

from headrace.provider.decoding import decoded
from headrace.provider.json_api.layout import Layout
from headrace.provider.wire import Hit, Refusal

Refuse: TypeAlias = Callable[[bytes], list[Refusal] | None]

MAX_TEXT: Final = 500
"""Characters of one error that are kept: it ends up in files and on terminals."""

# Seen: data/attributes/x, /data/attributes/x, /data/1/attributes/x, data/relationships/x; `/data/id`-like tails follow.
_POINTER: Final = re.compile(
    r"#?/?data(?:/(?P<index>\d{1,9}))?(?:/(?:attributes|relationships)/(?P<name>[^/]+))?(?:/.*)?"
)
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_WHOLE_RECORD: Final = "base"


class _Error(Struct):
    """One error object (https://jsonapi.org/format/#error-objects), as loosely as vendors write it."""

    status: str | int | None = None
    code: str | int | None = None
    title: str | None = None
    detail: str | None = None
    source: Any = None
    limit: Any = None
    period: Any = None


class _Envelope(Struct):
    errors: list[_Error]


_envelope: Final = Decoder(_Envelope)


def refused(layout: Layout | None = None) -> Refuse:
    """Return the reader of refusing answers. With a `layout` its fields are named, else the vendor's words stay."""
    field_of = str if layout is None else layout.field_of

    def read(body: bytes) -> list[Refusal] | None:
        envelope = decoded(_envelope, body)
        if envelope is None or not envelope.errors or not all(map(_says_something, envelope.errors)):
            return None
        return [_refusal(error, field_of) for error in envelope.errors]

    return read


def hit(body: bytes) -> Hit | None:
    """Return the limit that a 429 names in members of its own (https://developer.productive.io/guides/rate-limits)."""
    envelope = decoded(_envelope, body)
    for error in () if envelope is None else envelope.errors:
        if isinstance(error.limit, int | float) and not isinstance(error.limit, bool):
            period = error.period if isinstance(error.period, int | float) else None
            return Hit(error.limit, period)
    return None


def _says_something(error: _Error) -> bool:
    """Whether this is an error object at all: `{"errors": [{}]}` proves nothing about the request."""
    return any((error.status, error.code, error.title, error.detail))


def _refusal(error: _Error, field_of: Callable[[str], str]) -> Refusal:
    code = _code(error)
    index, name = _place(error.source)
    return Refusal(
        code=code,
        error=(error.detail or error.title or code)[:MAX_TEXT],
        index=index,
        field=None if name is None else field_of(name),
    )


def _code(error: _Error) -> str:
    """Return the vendor's code, else one made from its title, else from its status."""
    words = str(error.code or error.title or f"status {error.status}")[:MAX_TEXT]
    return _NOT_A_WORD.sub("_", words.lower()).strip("_") or "refused"


def _place(source: Any) -> tuple[int | None, str | None]:
    """Return the row's place in the batch and the vendor's name of the field, as far as `source` names them."""
    if not isinstance(source, dict):
        return None, None
    found = _POINTER.fullmatch(_text(source.get("pointer")))
    if found is None:
        return None, _text(source.get("parameter")) or None
    index, name = found["index"], found["name"]
    return None if index is None else int(index), None if name in {None, _WHOLE_RECORD} else name[:MAX_TEXT]


def _text(value: Any) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
