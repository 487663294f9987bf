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
from functools import partial
from random import Random
from typing import Final
from urllib.parse import urlencode

from headrace.client import Client
from headrace.dispatch.http import MAX_BODY
from headrace.errors import LostError, NotSentError
from headrace.model import Form, Request, Response, Secret
from headrace.outside import Outside
from headrace.pipeline import Settings
from headrace.provider import Provider
from headrace.sandbox.core import STORAGE, Sandbox
from headrace.sandbox.message import Ending
from headrace.testing import virtual_time

BASE: Final = "http://127.0.0.1:1"


class SandboxSender:
    """The innermost layer over a sandbox's core: latency and broken connections as the sandbox has them.

    A request whose sender gives up, by timeout or cancellation, is executed all the same if it had arrived. Once
    `is_dead`, nothing more leaves, and what has left arrives: so a test plays a process that was killed. Requests go
    below `prefix`, by default the API's.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        headers: Mapping[str, str],
        *,
        time_limit: float = 60.0,
        is_dead: Callable[[], bool] = lambda: False,
        prefix: str | None = None,
    ) -> None:
        self._is_dead = is_dead
        self._prefix = sandbox.api.prefix if prefix is None else prefix
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
            self._prefix + request.path,
            urlencode(request.params),
            headers={**self._headers, **request.headers, **(_FORM_HEADERS if request.form else {})},
            body=(request.body or b"") if request.form is None else _encoded(request.form),
            now=asyncio.get_running_loop().time(),
        )
        date = formatdate(asyncio.get_running_loop().time(), usegmt=True)
        await asyncio.sleep(reply.delay + back)
        if reply.ending is not Ending.WHOLE or len(reply.body) > MAX_BODY:
            raise LostError("the connection broke")
        headers = {"date": date, **{name.lower(): value for name, value in reply.headers.items()}}
        return Response(status=reply.status, headers=headers, body=reply.body)


_BOUNDARY: Final = "-- headrace --"
_FORM_HEADERS: Final = {"Content-Type": f'multipart/form-data; boundary="{_BOUNDARY}"'}


def _encoded(form: Form) -> bytes:
    """Return a form as bytes, and close its file."""
    with form.file as file:
        content = file.read()
    fields = [(f'name="{name}"', value.reveal().encode()) for name, value in form.fields]
    named = [*fields, (f'name="File"; filename="{form.name}"', content)]
    blocks = [
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + value for name, value in named
    ]
    return b"\r\n".join([*blocks, f"--{_BOUNDARY}--\r\n".encode()])


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
    sender = partial(SandboxSender, sandbox, time_limit=given.request_seconds, is_dead=is_dead)
    outside = Outside(
        clock=virtual_time.clock,
        sender=sender,
        storage=sender({}, prefix=STORAGE),
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
