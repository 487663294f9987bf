"""The innermost layer and the only module that knows aiohttp: one `send` is exactly one physical request.

Two habits of aiohttp are turned off here because they would send requests that nobody paid for or intended: it
re-sends GET, PUT and DELETE once when a kept-alive connection turns out dead, and it follows redirects (taking the
provider's token to another host). And its exceptions, which carry the request's headers, never leave this file.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from headrace.errors import LostError, NotSentError
from headrace.model import Form, Request, Response

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes: a longer answer, after decompression, is not read to its end. A page of 200 records is well below 1 MiB."""
KEEP_ALIVE: Final = 15.0
"""Seconds a connection may idle: below the usual 60 s of servers, so that we are the one who closes it."""
_BLOCK: Final = 64 * 1024

_WHAT_HAPPENED: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, "the host name cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "the server's TLS certificate is not valid for this host"),
    (aiohttp.ClientSSLError, "the TLS handshake failed"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientConnectorError, "the connection was refused"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off in the middle"),
    (TimeoutError, "no complete answer in time"),
    (OSError, "the connection broke"),
    (aiohttp.ClientError, "the answer is not valid HTTP"),
)
_FOREIGN: Final = (aiohttp.ClientError, TimeoutError, OSError)


class _ForeignError(Exception):
    """What aiohttp raised, as a sentence. Not one of the types on which aiohttp sends again by itself."""


class _Sending:
    """Whether the first byte of one request may have left. Mutable state: `began`."""

    __slots__ = ("began",)

    def __init__(self) -> None:
        self.began = False


def _sentence(error: BaseException) -> str:
    return next(text for kind, text in _WHAT_HAPPENED if isinstance(error, kind))


async def _translate(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Stop aiohttp's silent re-send: it repeats on its own exceptions only (aiohttp issue 10790)."""
    try:
        return await handler(request)
    except _FOREIGN as error:
        raise _ForeignError(_sentence(error)) from None


async def _mark_began(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
    """Note, just before the first byte is handed to the socket, that it may leave."""
    context.trace_request_ctx.began = True


class Http:
    """Sends requests below one base URL with one set of credentials. Made by `open_http`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")

    async def send(self, request: Request) -> Response:
        """See `transport.Sender`."""
        sending = _Sending()
        try:
            return await self._exchange(request, sending)
        except _ForeignError as error:
            what = str(error)
        except _FOREIGN as error:
            what = _sentence(error)
        raise (LostError if sending.began else NotSentError)(what) from None

    async def _exchange(self, request: Request, sending: _Sending) -> Response:
        async with self._session.request(
            request.method,
            self._base_url + request.path,
            params=request.params or None,
            headers=request.headers,
            data=request.body if request.form is None else _multipart(request.form),
            allow_redirects=False,
            trace_request_ctx=sending,
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(status=answer.status, headers=headers, body=await _read(answer))


def _multipart(form: Form) -> aiohttp.FormData:
    """Return the body of a form. Its file is read in a thread, block by block, as it is sent, and closed then."""
    data = aiohttp.FormData()
    for name, value in form.fields:
        data.add_field(name, value.reveal())
    data.add_field("File", form.file, filename=form.name, content_type=form.media_type)
    return data


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body, decompressed; raise `_ForeignError` as soon as it is longer than `MAX_BODY`."""
    blocks: list[bytes] = []
    size = 0
    async for block in answer.content.iter_chunked(_BLOCK):
        size += len(block)
        if size > MAX_BODY:
            raise _ForeignError(f"the answer is longer than {MAX_BODY} bytes")
        blocks.append(block)
    return b"".join(blocks)


@asynccontextmanager
async def open_http(
    base_url: str, headers: Mapping[str, str], *, connections: int, time_limit: float
) -> AsyncIterator[Http]:
    """Open a session on `base_url` whose requests carry `headers`, with at most `connections` at once.

    `time_limit` bounds one request from the connection to the last byte, in seconds. `~/.netrc` and proxy variables are
    not read: both would send the token where nobody asked for it.
    """
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_mark_began)
    async with aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=time_limit, sock_connect=min(10.0, time_limit), sock_read=min(30.0, time_limit)
        ),
        trace_configs=[tracing],
        middlewares=(_translate,),
        trust_env=False,
    ) as session:
        yield Http(session, base_url)
