"""The shell: the core behind a real socket on loopback, with delays and broken connections; the process for the CLI."""

import asyncio
import signal
import subprocess
import sys
from typing import Any

import aiohttp
import orjson
import pytest
from sandbox_desk import BULK, entry

from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.options import Options
from headrace.sandbox.server import Running, serve


def headers(running: Running) -> dict[str, str]:
    return {"X-Auth-Token": running.token, "X-Organization-Id": running.organization, "Content-Type": BULK}


def talk(script: Any, *rules: Rule, **options: Any) -> Any:
    """Run `script(session, running)` against a served sandbox."""

    async def main() -> Any:
        chosen = {"window": "off", "faults": rules} | options
        async with serve(Options(**chosen)) as running:
            timeout = aiohttp.ClientTimeout(total=5)
            async with aiohttp.ClientSession(headers=headers(running), timeout=timeout) as session:
                return await script(session, running)

    return asyncio.run(main())


async def post(session: aiohttp.ClientSession, running: Running, *entries: Any) -> tuple[int, bytes, dict[str, str]]:
    async with session.post(f"{running.url}/time_entries", data=orjson.dumps({"data": entries})) as response:
        return response.status, await response.read(), dict(response.headers)


def test_a_bulk_create_over_a_socket() -> None:
    """The URL is the whole base; media type, ids and links are as in the core; nothing else listens."""

    async def script(session: aiohttp.ClientSession, running: Running) -> Any:
        status, body, sent = await post(session, running, entry("a"), entry("b"))
        assert (status, [each["id"] for each in orjson.loads(body)["data"]]) == (201, ["1", "2"])
        assert sent["Content-Type"] == "application/vnd.api+json; charset=utf-8"
        async with session.get(f"{running.url}/time_entries?filter[note]=b&page[size]=1") as response:
            listed = orjson.loads(await response.read())
        assert listed["links"]["first"].startswith(running.url)
        assert [each["id"] for each in listed["data"]] == ["2"]
        return running.url

    assert talk(script).startswith("http://127.0.0.1:")


def test_parameters_arrive_as_they_were_sent() -> None:
    """Brackets, commas and plus signs of encoded filters survive the way, whatever the client's spelling."""

    async def script(session: aiohttp.ClientSession, running: Running) -> None:
        await post(session, running, entry("one+two, 100%"))
        for params in ({"filter[note]": "one+two, 100%"}, {"filter[note][contains]": "+two, 100"}):
            async with session.get(f"{running.url}/time_entries", params=params) as response:
                assert orjson.loads(await response.read())["meta"]["total_count"] == 1

    talk(script)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [("drop_before_commit", 0), ("drop_after_commit", 1), ("drop_mid_answer", 1)],
)
def test_dropped_connections(kind: str, stored: int) -> None:
    """The client sees a broken connection; whether the record is there is what the fault's name says."""

    async def script(session: aiohttp.ClientSession, running: Running) -> None:
        with pytest.raises(aiohttp.ClientError):
            await post(session, running, entry())
        assert len(running.sandbox.store.table("time_entries")) == stored
        assert (await post(session, running, entry("next")))[0] == 201

    talk(script, Rule(kind=FaultKind(kind), at=(1,)))


def test_an_html_page_and_a_redirect() -> None:
    """What is not JSON and what leads elsewhere arrives as such."""

    async def script(session: aiohttp.ClientSession, running: Running) -> None:
        status, body, sent = await post(session, running, entry())
        assert (status, sent["Content-Type"], body[:9]) == (200, "text/html; charset=utf-8", b"<!DOCTYPE")
        async with session.get(f"{running.url}/people", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "/login")

    talk(script, Rule(kind=FaultKind.HTML, at=(1,)), Rule(kind=FaultKind.REDIRECT, at=(2,)))


@pytest.mark.real
def test_a_slow_answer_is_executed_at_once() -> None:
    """The record is there while the client still waits, and stays although it gives up."""

    async def script(session: aiohttp.ClientSession, running: Running) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await post(session, running, entry())
        assert len(running.sandbox.store.table("time_entries")) == 1

    talk(script, Rule(kind=FaultKind.SLOW, seconds=30.0))


@pytest.mark.real
def test_a_dripping_answer_does_not_hold_up_others() -> None:
    """One byte a second for one client, while another is served."""

    async def script(session: aiohttp.ClientSession, running: Running) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await post(session, running, entry("slow"))
        assert (await post(session, running, entry("quick")))[0] == 201

    talk(script, Rule(kind=FaultKind.DRIP, at=(1,)))


@pytest.mark.real
def test_latency_lets_requests_overlap() -> None:
    """With latency, requests of several clients are under way together."""

    async def script(session: aiohttp.ClientSession, running: Running) -> Any:
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.gather(*(post(session, running, entry(str(place))) for place in range(20)))
        return loop.time() - start

    assert 0.05 <= talk(script, latency=(50.0, 60.0)) < 20 * 0.05


def test_control_routes_need_no_credentials() -> None:
    """Audit, seed and faults answer to anyone on loopback."""

    async def script(_: Any, running: Running) -> None:
        root = running.url.removesuffix("/api/v2")
        async with aiohttp.ClientSession() as plain:
            async with plain.post(f"{root}/__sandbox/seed", data=b'{"people": 1000}') as response:
                assert len(orjson.loads(await response.read())["people"]) == 1000
            async with plain.get(f"{root}/__sandbox/audit") as response:
                assert orjson.loads(await response.read())["requests"] == 0
            async with plain.get(f"{running.url}/people") as response:
                assert response.status == 401

    talk(script)


def test_a_port_that_is_taken_is_an_error() -> None:
    """Two sandboxes cannot share a port."""

    async def script(_: Any, running: Running) -> None:
        with pytest.raises(OSError, match="in use"):
            async with serve(Options(port=running.port)):
                pass

    talk(script)


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_tells_where_it_is_and_ends_quietly(number: int) -> None:
    """First line on stdout: url, token, organization. A signal ends it with 0 and without a word."""
    program = "from headrace.sandbox.options import Options; from headrace.sandbox.server import run; run(Options())"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        greeting = orjson.loads(process.stdout.readline())
        process.send_signal(number)
        rest = process.communicate(timeout=10)
    assert set(greeting) == {"url", "token", "organization"}
    assert greeting["url"].startswith("http://127.0.0.1:")
    assert greeting["url"].endswith("/api/v2")
    assert (process.returncode, rest) == (0, (b"", b""))


@pytest.mark.real
def test_the_core_runs_without_aiohttp() -> None:
    """Importing and using the core does not import aiohttp, nor anything of the engine."""
    program = """
import sys
from headrace.sandbox.core import Sandbox
from headrace.sandbox.options import Options
Sandbox(Options()).handle("GET", "/api/v2/people", now=0.0)
foreign = ("aiohttp", "msgspec", "headrace.dispatch", "headrace.ledger", "headrace.intake", "headrace.provider")
print([name for name in foreign if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": "token bucket"},
        {"latency": (5.0, 1.0)},
        {"latency": (-1.0, 1.0)},
        {"organization": "acme"},
        {"max_bulk": 0},
        {"token": ""},
        {"reset": "x"},
    ],
)
def test_options_that_make_no_sense_are_errors(wrong: Any) -> None:
    """A wrong option is refused when it is given, not when it matters."""
    with pytest.raises(ValueError, match=r"must be|latency|max_bulk"):
        Options(**wrong)


def test_the_token_is_random_and_not_shown() -> None:
    """Each sandbox has its own token, and its options do not print it."""
    first, second = Options(), Options()
    assert first.token != second.token
    assert first.token not in repr(first)
