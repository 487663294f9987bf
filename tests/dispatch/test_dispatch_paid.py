"""I12: what reaches the server was paid for, and what was paid for reached it or was given back."""

import asyncio
from collections.abc import Sequence

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dispatch_http import OK, RawServer, raw_server, reply

from headrace.dispatch.budget import Budget
from headrace.dispatch.http import open_http
from headrace.dispatch.transport import Budgeted, Retrying
from headrace.errors import TransportError
from headrace.model import Lane, Request

ANSWERS = {
    "ok": OK,
    "redirect": b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    "throttled": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    "failure": b"HTTP/1.1 500 Error\r\nContent-Length: 0\r\n\r\n",
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{",
    "dropped": b"",
}
"""What the server does with a request. After the last two the connection is gone."""


async def _no_time(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


async def _send_all(base: str, budget: Budget, requests: Sequence[Request]) -> None:
    async with open_http(base, {}, connections=2, time_limit=5.0) as http:
        transport = Retrying(Budgeted(http, budget), sleep=_no_time)
        for request in requests:
            try:
                await transport.send(request)
            except TransportError:
                continue


async def _course(fates: Sequence[str], methods: Sequence[str]) -> tuple[RawServer, Budget]:
    """Send one request after the other to a server that meets them with `fates`, and then answers."""
    coming = iter(fates)

    async def answer(_count: int, writer: asyncio.StreamWriter) -> None:
        fate = next(coming, "ok")
        await reply(writer, ANSWERS[fate])
        if fate in {"half", "dropped"}:
            writer.transport.abort()

    requests = [
        Request(
            method=method,
            path="/things",
            body=None if method == "GET" else b"{}",
            lane=Lane.ROWS,
            is_read=method == "GET",
        )
        for method in methods
    ]
    # Without limits a budget only counts; the one pause that a 429 asks for twice in a row is 2 s, so it is not asked.
    budget = Budget([])
    async with raw_server(answer) as (raw, base):
        await _send_all(base, budget, requests)
    await _send_all(base, budget, requests)  # nobody listens any longer: nothing is sent
    return raw, budget


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=8).filter(
        lambda fates: fates.count("throttled") < 2
    ),
    st.lists(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]), min_size=1, max_size=5),
)
def test_every_hit_is_a_permit(fates: list[str], methods: list[str]) -> None:
    """I12: hits at the server are permits that were not given back; with drops, redirects, retries, a dead server."""
    raw, budget = anyio.run(_course, fates, methods)
    now = budget.statistics()
    assert len(raw.heads) == now.granted - now.refunded
    assert now.refunded >= len(methods)
