"""The messages of the sandbox: a call as it arrives, a reply as it leaves. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Ending(StrEnum):
    """How a reply ends on the wire."""

    WHOLE = "whole"
    DROPPED = "dropped"
    """The connection is aborted; not a byte of the reply leaves."""
    CUT = "cut"
    """Headers and the first half of the body leave, then the connection is aborted."""
    DRIPPED = "dripped"
    """The body leaves one byte a second."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived at `now` (seconds since the epoch). Header names are lower case.

    `path` is below the API's prefix, `base` the URL up to and with that prefix.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    now: float
    base: str

    @property
    def params(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in order."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def segments(self) -> list[str]:
        """The parts of the path."""
        return [part for part in self.path.split("/") if part]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `delay` is how many seconds it is held back, `items` how many records the request was about."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)
    body: bytes = b""
    delay: float = 0.0
    ending: Ending = Ending.WHOLE
    items: int = field(default=1, compare=False)


def json_reply(status: int, document: Any, media_type: str = "application/json", *, items: int = 1) -> Reply:
    """Return `document` as a reply of `media_type`, encoded with orjson."""
    return Reply(status, {"Content-Type": f"{media_type}; charset=utf-8"}, orjson.dumps(document), items=items)
