"""The server: the core on a loopback socket. It adds what the core cannot have: a clock, delays, broken connections.

`serve` is for tests and the demo, `run` for the command line. Bind address is always 127.0.0.1.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web

from headrace.sandbox.api import Api
from headrace.sandbox.core import Sandbox
from headrace.sandbox.message import Ending, Reply
from headrace.sandbox.options import Options

HOST: Final = "127.0.0.1"
MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request that are read; the answer to more is 413."""

DRIP_SECONDS: Final = 1.0
MAX_DRIPS: Final = 600
SHUTDOWN_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that listens. `url` is the whole base URL, with the API's prefix; `sandbox` its core, to look into."""

    url: str
    token: str
    organization: str
    port: int
    sandbox: Sandbox


class _Clock:
    """The time since the epoch as it was at the start, carried on by the monotonic clock: it never jumps."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()

    def now(self) -> float:
        return self._start + time.monotonic()


@contextlib.asynccontextmanager
async def serve(options: Options, *, api: Api | None = None) -> AsyncIterator[Running]:
    """Serve a sandbox on loopback for as long as the block runs: of `api`, by default the one that the options name.

    Raises OSError if the port is taken.
    """
    clock = _Clock()
    sandbox = Sandbox(options, clock.now(), api=api)
    shell = _Shell(sandbox, clock)
    runner = web.ServerRunner(
        web.Server(shell.respond, access_log=None), shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, options.port).start()
        port: int = runner.addresses[0][1]
        url = f"http://{HOST}:{port}{sandbox.api.prefix}"
        yield Running(url, options.token, options.organization, port, sandbox)
    finally:
        await runner.cleanup()


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM, having told on stdout, in one line of JSON, where and with which credentials."""
    asyncio.run(_run(options))


async def _run(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(options) as running:
        greeting = {"url": running.url, "token": running.token, "organization": running.organization}
        sys.stdout.write(orjson.dumps(greeting).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


class _Shell:
    """What stands between a connection and the core."""

    def __init__(self, sandbox: Sandbox, clock: _Clock) -> None:
        self._sandbox, self._clock = sandbox, clock

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await _body(request)
        if body is None:
            return web.Response(status=413)
        there, back = self._sandbox.journey()
        await _pass(there)
        reply = self._sandbox.handle(
            request.method,
            request.rel_url.raw_path,
            request.rel_url.raw_query_string,
            headers=request.headers,
            body=body,
            now=self._clock.now(),
        )
        await _pass(reply.delay + back)
        return await _deliver(request, reply)


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body, None if it is longer than we read."""
    parts, size = [], 0
    async for part in request.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            return None
    return b"".join(parts)


async def _pass(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _deliver(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Return the response to send, having sent, cut or dropped it already where the reply wants that."""
    match reply.ending:
        case Ending.WHOLE:
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        case Ending.DROPPED:
            _abort(request)
            return web.Response(status=503)  # nobody will read it
        case Ending.CUT | Ending.DRIPPED:
            return await _send_in_parts(request, reply)


async def _send_in_parts(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_length = len(reply.body)
    await response.prepare(request)
    if reply.ending is Ending.CUT:
        await response.write(reply.body[: len(reply.body) // 2])
        _abort(request)
        return response
    for place in range(min(len(reply.body), MAX_DRIPS)):
        await response.write(reply.body[place : place + 1])
        await asyncio.sleep(DRIP_SECONDS)
    await response.write(reply.body[MAX_DRIPS:])
    return response


def _abort(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
