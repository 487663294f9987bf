"""A server that counts with a limiter that is not ours: the sandbox's core, with its own limits off, behind `limits`.

`FixedWindowRateLimiter` of https://github.com/alisaifee/limits, with its memory storage: a window opens with the first
request after the last one has expired, and refused requests count too. Both of Productive's general limits, per token.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import orjson
from aiohttp import web
from benchmarks.sink import Place
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from headrace.sandbox.core import Sandbox
from headrace.sandbox.message import Reply
from headrace.sandbox.options import Options

LATENCY: Final = (50.0, 400.0)
"""Milliseconds between a request's departure and its answer; the way there is a random part of it."""
LOG: Final = "/__arrivals"
_LIMITS: Final = (RateLimitItemPerSecond(100, 10), RateLimitItemPerSecond(4_000, 1_800))
_REFUSED: Final = b'{"errors":[{"status":"429","code":"too_many_requests","title":"Too many requests"}]}'


class Foreign:
    """The server. Mutable state: the limiter's windows, the sandbox, when requests arrived, how many were refused."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._sandbox = Sandbox(options, time.time())
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._arrivals: list[float] = []
        self._refused = 0

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request as the sandbox does, unless the limiter refuses it."""
        if request.path == LOG:
            return web.Response(body=orjson.dumps({"arrivals": self._arrivals, "refused": self._refused}))
        body = await request.read()
        there, back = self._sandbox.journey()
        await asyncio.sleep(there)
        answer = self._answer(request, body)
        await asyncio.sleep(back)
        return answer

    def _answer(self, request: web.BaseRequest, body: bytes) -> web.Response:
        self._arrivals.append(time.monotonic())
        # Every limit is asked, also when one has refused: each counts for itself.
        admitted = [self._limiter.hit(limit, self._options.token) for limit in _LIMITS]
        if not all(admitted):
            self._refused += 1
            return web.Response(status=429, body=_REFUSED, headers={"Content-Type": "application/vnd.api+json"})
        reply: Reply = self._sandbox.handle(
            request.method,
            request.rel_url.raw_path,
            request.rel_url.raw_query_string,
            headers=request.headers,
            body=body,
            now=time.time(),
        )
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


@asynccontextmanager
async def serve() -> AsyncIterator[Place]:
    """Serve on loopback for as long as the block runs."""
    options = Options(window="off", latency=LATENCY)
    runner = web.ServerRunner(web.Server(Foreign(options).respond, access_log=None), handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield Place(f"http://127.0.0.1:{port}/api/v2", options.token, options.organization)
    finally:
        await runner.cleanup()
