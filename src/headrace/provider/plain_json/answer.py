"""The answers to writes: from the body of an accepted one to the id of the record that it is about."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.json import Decoder

from headrace.provider.decoding import decoded
from headrace.provider.plain_json.envelope import Envelope
from headrace.provider.plain_json.refusal import refusals

Read: TypeAlias = Callable[[bytes, Struct], str | None]
"""From the body of an answer and what was sent to the record's id; None where the answer does not bear it out."""

_object: Final = Decoder(dict[str, Any])


def created(envelope: Envelope) -> Read:
    """Return the reader of a create's answer."""
    return lambda body, _: _id_in(envelope, body)


def changed(envelope: Envelope) -> Read:
    """Return the reader of an update's answer: it names the record, or says nothing."""

    def read(body: bytes, value: Any) -> str | None:
        sent = str(value.id)
        return sent if not body.strip() or _id_in(envelope, body) == sent else None

    return read


def deleted(envelope: Envelope) -> Read:
    """Return the reader of a delete's answer: nothing, the record, or a word such as `{"status": "deleted"}`."""

    def read(body: bytes, value: Any) -> str | None:
        sent = str(value.id)
        if not body.strip():
            return sent
        is_word = decoded(_object, body) is not None and refusals(body) is None
        return sent if is_word and _id_in(envelope, body) in {None, sent} else None

    return read


def _id_in(envelope: Envelope, body: bytes) -> str | None:
    document = decoded(_object, body)
    return None if document is None else identity(envelope, unwrapped(envelope, document))


def unwrapped(envelope: Envelope, document: dict[str, Any]) -> dict[str, Any]:
    """Return the record of an answer, whether or not it is wrapped. What has an id is a record."""
    if identity(envelope, document) is None:
        for key in envelope.keys:
            if isinstance(inner := document.get(key), dict):
                return inner
    return document


def identity(envelope: Envelope, record: dict[str, Any]) -> str | None:
    """Return a record's id as text, None where it has none."""
    found = (record.get(name) for name in envelope.ids)
    return next((str(one) for one in found if isinstance(one, str | int) and one != "" and type(one) is not bool), None)
