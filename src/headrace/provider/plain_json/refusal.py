"""What a refusing answer says: in the few forms in which APIs of plain JSON put it, with the field where it has one.

Seen: `{"error": "text"}` (Agiled, Bezala), `{"errors": "text"}`, `{"errors": {"field": ["text"]}}` and
`{"info": "text"}` (Time Magic). A text beside fields (`{"error": ..., "errors": {...}}`, Rails and Laravel) says no
more than they do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from msgspec.json import Decoder

from headrace.provider.decoding import decoded
from headrace.provider.wire import Refusal

Refuse: TypeAlias = Callable[[bytes], list[Refusal] | None]
_Said: TypeAlias = tuple[str | None, str]

MAX_TEXT: Final = 500
"""Characters of one error that are kept: it ends up in files and on terminals."""
MAX_CODE: Final = 60
MOST: Final = 100
"""Errors of one answer that are kept."""
_FIELDS: Final = ("errors", "details", "error")
_TEXTS: Final = ("error", "errors", "info", "message")
_WHOLE_RECORD: Final = frozenset({"base", "error", "message"})
_NOT_A_LETTER: Final = re.compile(r"[^a-z]+")
_object: Final = Decoder(dict[str, Any])


def refusals(body: bytes, field_of: Callable[[str], str] = str) -> list[Refusal] | None:
    """Return the errors of an answer, None where `body` is no error of any form; `field_of` names the fields."""
    document = decoded(_object, body)
    if document is None:
        return None
    found = [*_by_field(document)] or [(None, text) for key in _TEXTS for text in _texts(document.get(key))][:1]
    return [_refusal(name, text, field_of) for name, text in found[:MOST]] or None


def _by_field(document: dict[str, Any]) -> Iterator[_Said]:
    for key in _FIELDS:
        if isinstance(fields := document.get(key), dict):
            yield from ((name, text) for name, said in fields.items() for text in _texts(said))


def _texts(said: Any) -> list[str]:
    """Return the sentences of one member: a text, or a list of them."""
    sentences = said if isinstance(said, list) else [said]
    return [one for one in sentences if isinstance(one, str) and one.strip()]


def _refusal(name: str | None, text: str, field_of: Callable[[str], str]) -> Refusal:
    field = None if name is None or name in _WHOLE_RECORD else field_of(_last(name))[:MAX_TEXT]
    return Refusal(code=_code(text), error=text[:MAX_TEXT], field=field)


def _last(name: str) -> str:
    """Return the field of a path to it: `task.name` and `task[name]` are `name`."""
    return re.split(r"[.\[\]]+", name.rstrip("]"))[-1] or name


def _code(text: str) -> str:
    """Return a word for what went wrong, the same whatever id or number the text names: these APIs have none."""
    return _NOT_A_LETTER.sub("_", text.lower()).strip("_")[:MAX_CODE].strip("_") or "refused"
