"""The sink: a server that takes JSON:API writes as fast as they come and answers them rightly, in a process of its own.

It is a bare `asyncio.Protocol`, several times as fast as any client it measures. An answer is the request's own
records with ids, as the vendor answers: what is measured is also the reading of a full answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

from msgspec import Struct

PREFIX: Final = "/api/v2"
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_PAGE: Final = (
    b'{"data":[],"meta":{"current_page":1,"total_pages":1,"total_count":0,"page_size":1,"max_page_size":200}}'
)
_RECORD: Final = b'{"type":"%b","attributes":'
_NUMBERED: Final = b'{"id":"%d","type":"%b","attributes":'

_ids = count(1)  # mutable: every record of the process's life has its own


class Place(Struct, frozen=True):
    """Where a server listens, and with which credentials."""

    url: str
    token: str
    organization: str


def answer(method: bytes, path: bytes, body: bytes) -> bytes:
    """Return the answer's body: an empty page for a read, the records with ids for a write."""
    if method == b"GET":
        return _PAGE
    kind = path.partition(b"?")[0].rpartition(b"/")[2]
    first, *records = body.split(_RECORD % kind)
    return b"".join([first, *(_NUMBERED % (next(_ids), kind) + record for record in records)])


class Sink(asyncio.Protocol):
    """One connection: requests come in one after the other, each with a `Content-Length`."""

    def __init__(self) -> None:
        # Mutable: what has come and is not yet a whole request.
        self._held = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._held += data
        while (end := self._held.find(_HEAD_END)) >= 0:
            head, start = bytes(self._held[:end]), end + len(_HEAD_END)
            stop = start + _length(head)
            if len(self._held) < stop:
                return
            body = bytes(self._held[start:stop])
            del self._held[:stop]
            self._respond(head, body)

    def _respond(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        said = answer(method, path, body)
        status = b"200 OK" if method == b"GET" else b"201 Created"
        self._transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/vnd.api+json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(said), said)
        )


def _length(head: bytes) -> int:
    """Return how long the body is."""
    _, _, rest = head.lower().partition(_LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if rest else 0


@asynccontextmanager
async def serve() -> AsyncIterator[Place]:
    """Serve on loopback for as long as the block runs."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Place(f"http://127.0.0.1:{port}{PREFIX}", "sink", "1")
