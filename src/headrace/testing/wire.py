"""The sandbox without sockets: requests go straight into its core, in the running loop's time.

With it the real client and the real sandbox run in one process in virtual time, and one seed gives one trace::

    async def main() -> None:
        sandbox = Sandbox(Options(seed=7, latency=(50, 400)), virtual_time.clock())
        async with simulated_client(sandbox) as client:
            ...

    virtual_time.run(main)
"""

import asyncio
from collections.abc import Callable, Mapping
from email.utils import formatdate
from random import Random
from typing import Final
from urllib.parse import urlencode

from headrace.client import Client
from headrace.dispatch.http import MAX_BODY
from headrace.errors import LostError, NotSentError
from headrace.model import Request, Response, Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Provider
from headrace.sandbox.core import Sandbox
from headrace.sandbox.message import Ending
from headrace.testing import virtual_time

BASE: Final = "http://127.0.0.1:1"


class SandboxSender:
    """The innermost layer over a sandbox's core: latency and broken connections as the sandbox has them.

    A request whose sender gives up, by timeout or cancellation, is executed all the same if it had arrived. Once
    `is_dead`, nothing more leaves, and what has left arrives: so a test plays a process that was killed.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        headers: Mapping[str, str],
        *,
        time_limit: float = 60.0,
        is_dead: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_dead = is_dead
        self._sandbox = sandbox
        self._headers = headers
        self._time_limit = time_limit

    async def send(self, request: Request) -> Response:
        """See `dispatch.transport.Sender`."""
        if self._is_dead():
            raise NotSentError("the process was killed")
        try:
            async with asyncio.timeout(self._time_limit):
                return await self._exchange(request)
        except TimeoutError:
            raise LostError("no complete answer in time") from None

    async def _exchange(self, request: Request) -> Response:
        there, back = self._sandbox.journey()
        await asyncio.sleep(there)
        reply = self._sandbox.handle(
            request.method,
            self._sandbox.api.prefix + request.path,
            urlencode(request.params),
            headers={**self._headers, **request.headers},
            body=request.body or b"",
            now=asyncio.get_running_loop().time(),
        )
        date = formatdate(asyncio.get_running_loop().time(), usegmt=True)
        await asyncio.sleep(reply.delay + back)
        if reply.ending is not Ending.WHOLE or len(reply.body) > MAX_BODY:
            raise LostError("the connection broke")
        headers = {"date": date, **{name.lower(): value for name, value in reply.headers.items()}}
        return Response(status=reply.status, headers=headers, body=reply.body)


def simulated_client(
    sandbox: Sandbox,
    settings: Settings | None = None,
    *,
    provider: Provider | None = None,
    is_dead: Callable[[], bool] = lambda: False,
) -> Client:
    """Return a client of `sandbox` that lives in the running loop's time, threads and sockets apart.

    `provider` takes the place of the shipped table; `is_dead` is as of `SandboxSender`.
    """
    given = settings or Settings()
    outside = Outside(
        clock=virtual_time.clock,
        sender=lambda headers: SandboxSender(sandbox, headers, time_limit=given.request_seconds, is_dead=is_dead),
        jitter=Random(sandbox.options.seed).uniform,  # noqa: S311  # repeatable on purpose
        is_threaded=False,
    )
    return Client(
        provider or sandbox.options.provider,
        token=Secret(sandbox.options.token),
        organization=sandbox.options.organization,
        base_url=BASE + sandbox.api.prefix,
        settings=given,
        outside=outside,
    )
