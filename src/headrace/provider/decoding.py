"""Reading foreign bytes: what an answer says, or that it is not what we were promised. Raises nothing."""

from typing import TypeVar

from msgspec.json import Decoder

_T = TypeVar("_T")


def decoded(decoder: "Decoder[_T]", body: bytes) -> _T | None:
    """Return what `body` says, None where it is not JSON of the decoder's shape."""
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError):  # msgspec's errors and bad UTF-8 are ValueErrors; deep nesting is the other
        return None
