"""The permit log in Redis: as the one in memory, shared by machines, by the server's clock, safe when it is lost."""

import asyncio
import math
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from budget_stores import RedisServer, needs_redis, redis_server

from headrace.dispatch.budget import Budget
from headrace.dispatch.permits import Answer, Lease, PermitLog, Unknown, Wait, Window, demand
from headrace.dispatch.permits.redis import open_redis_log
from headrace.dispatch.permits.shared import SharedLog
from headrace.dispatch.permits.step import Step, Told
from headrace.errors import UnreachableError, UsageError
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing.servers import worst_window

pytestmark = [pytest.mark.real, needs_redis]
T = TypeVar("T")
BASE = "http://127.0.0.1:1/api/v2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_STATE_DIR", str(tmp_path / "state"))


@asynccontextmanager
async def opened(server: RedisServer, **options: Any) -> AsyncIterator[SharedLog]:
    async with open_redis_log(server.url, "productive", BASE, **{"linger": 0.3} | options) as log:
        yield log


async def answer(log: PermitLog, *windows: Window) -> Answer:
    """Ask until there is no room, as far as anybody knows, or a permit in hand."""
    assert isinstance(log, SharedLog)
    await look(log, *windows)
    for _ in range(2_000):
        found = log.take(windows)
        if isinstance(found, Lease) or log._replica.free_in(windows) > 0:
            return Wait(math.inf) if isinstance(found, Unknown) else found
        await asyncio.sleep(0.001)
    raise TimeoutError


async def look(log: SharedLog, *windows: Window) -> None:
    """Have all that the store knows of `windows` heard again."""
    for one in windows:
        log.used(one)
    before = log._replica.stepped_at
    log._is_looked_at = True
    log._stirred.set()
    for _ in range(2_000):
        if log._replica.stepped_at > before and log._replica.is_whole and not log._replica.holdings.untold:
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


async def lease(log: PermitLog, *windows: Window) -> Lease:
    found = await answer(log, *windows)
    assert isinstance(found, Lease)
    return found


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> float:
    """Wait until `condition` holds; return for how long."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, "it does not come"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def run(main: Callable[[], Awaitable[T]]) -> T:
    async def within() -> T:
        return await main()

    return asyncio.run(within())


def window(calls: int, hold: float, key: str = "token:a", **more: Any) -> Window:
    return Window(f"{key}:{calls}/{hold}", f"{calls}/{hold:g}s", calls, hold, **more)


def test_slots_come_free_as_in_memory(server: RedisServer) -> None:
    """Settled after the window, lost after linger and the window, refunded at once; waits say when, exactly enough."""

    async def main() -> None:
        async with opened(server) as log:
            narrow, wide = window(1, 0.4), window(3, 2.0)
            first = await lease(log, narrow, wide)
            full = await answer(log, narrow, wide)
            assert isinstance(full, Wait)  # while it is under way only its answer can tell: others may ask again
            log.settle(first)
            assert 0.3 < await until(lambda: is_free(log, narrow)) < 1.3  # what was wanted of both is given back
            second = await lease(log, narrow)
            log.lost(second)
            assert 0.6 < await until(lambda: is_free(log, narrow)) < 1.1
            third = await lease(log, narrow)
            log.refund(third)
            assert await until(lambda: is_free(log, narrow)) < 0.2

    run(main)


async def is_free(log: PermitLog, one: Window) -> bool:
    """Whether there is room; takes nothing for good."""
    found = await answer(log, one)
    if isinstance(found, Lease):
        log.refund(found)
    return isinstance(found, Lease)


def test_all_windows_or_none(server: RedisServer) -> None:
    """A request that finds no room in one window holds no slot in the other."""

    async def main() -> None:
        async with opened(server) as log:
            narrow, wide = window(1, 5.0), window(9, 5.0)
            await lease(log, narrow, wide)
            assert isinstance(await answer(log, narrow, wide), Wait)
            await look(log, narrow, wide)
            assert (log.used(narrow), log.used(wide)) == (1, 1)

    run(main)


def test_what_is_seen_is_what_is_there(server: RedisServer) -> None:
    """`used` and `releases` tell what all processes hold, as long as it lasts."""

    async def main() -> None:
        async with opened(server) as first, opened(server) as second:
            one = window(9, 3.0)
            held = [await lease(first, one) for _ in range(3)]
            second.lost(await lease(second, one))
            first.settle(held[0])
            await asyncio.sleep(0.7)  # the permits that were fetched ahead are given back
            await look(second, one)
            assert second.used(one) == 4
            settled, lost = second.releases(one)
            assert settled == pytest.approx(2.3, abs=0.3)
            assert lost == pytest.approx(2.6, abs=0.3)
            await asyncio.sleep(2.45)
            await look(second, one)
            assert len(second.releases(one)) == 1

    run(main)


def test_two_tokens_of_one_organization_share_its_window(server: RedisServer) -> None:
    """Windows are told apart by their keys alone: what is the organization's is everybody's."""

    async def main() -> None:
        async with opened(server) as first, opened(server) as second:
            organization = window(2, 9.0, "organization:o")
            await lease(first, window(5, 1.0, "token:a"), organization)
            await lease(second, window(5, 1.0, "token:b"), organization)
            assert isinstance(await answer(second, window(5, 1.0, "token:b"), organization), Wait)

    run(main)


def test_a_permit_that_nobody_collects_is_given_back(server: RedisServer) -> None:
    """Whoever waited has gone: the slot is free again within a second."""

    async def main() -> None:
        async with opened(server) as log:
            one = window(1, 30.0)
            assert isinstance(log.take((one,)), Wait)
            await asyncio.sleep(demand.IN_HAND + 0.3)
            assert await is_free(log, one)

    run(main)


async def log_of_the_dead(_: Step) -> Told:
    raise UnreachableError("it is dead")


def test_a_run_that_died_counts_until_it_cannot_any_longer(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permit that nobody ends counts as lost from the latest instant at which its request can have been sent."""

    async def main() -> None:
        async with opened(server) as log:
            one = window(1, 0.5)
            dead = open_redis_log(server.url, "productive", BASE, linger=0.3, lease=0.5)
            victim = await dead.__aenter__()
            permit = await lease(victim, one)
            monkeypatch.setattr(victim._store, "take", log_of_the_dead)  # nobody renews what it held
            assert 1.1 < await until(lambda: is_free(log, one)) < 1.9  # 0.5 lease, 0.3 linger, 0.5 window
            victim.settle(permit)  # too late: it has been counted

    run(main)


def test_a_restart_continues_with_what_was_spent(server: RedisServer) -> None:
    """What one run has spent, the next one finds spent."""

    async def main() -> None:
        one = window(2, 20.0)
        async with opened(server) as log:
            log.settle(await lease(log, one))
            log.settle(await lease(log, one))
        async with opened(server) as log:
            found = await answer(log, one)
            assert isinstance(found, Wait)

    run(main)


@pytest.mark.parametrize("loss", ["FLUSHALL", "restart"])
def test_loss_of_its_data_holds_the_gate_for_a_window(server: RedisServer, loss: str) -> None:
    """Nobody knows what was spent: every window counts as spent until it has passed; first use of a Redis does not."""

    async def main() -> None:
        one = window(3, 1.5)
        async with opened(server) as log:
            log.settle(await lease(log, one))
            await asyncio.sleep(0.1)
            server.restart() if loss == "restart" else server.command("FLUSHALL")
            assert 1.3 < await until(lambda: is_free(log, one)) < 2.2

    run(main)


def test_a_loss_between_two_runs_is_noticed(server: RedisServer) -> None:
    """This machine remembers what it has seen there, and does not take a Redis that forgot for a new one."""

    async def main() -> None:
        one = window(3, 1.5)
        async with opened(server) as log:
            log.settle(await lease(log, one))
        server.command("FLUSHALL")
        async with opened(server) as log:
            assert isinstance(await answer(log, one), Wait)

    run(main)


def test_the_clock_is_the_servers(server: RedisServer) -> None:
    """Two machines whose clocks are hours apart keep one window together."""

    async def main() -> None:
        def skewed() -> float:
            return time.monotonic() + 7_200.0

        async with opened(server) as first, opened(server, clock=skewed) as second:
            one = window(2, 0.8)
            for log in (first, second):
                log.settle(await lease(log, one))
            await asyncio.sleep(0.05)
            assert isinstance(await answer(first, one), Wait)
            assert isinstance(await answer(second, one), Wait)
            assert 0.4 < await until(lambda: is_free(second, one)) < 1.3

    run(main)


def test_the_servers_work_is_shared(server: RedisServer) -> None:
    """What the API has worked for one owner is summed up over all processes, by the hour."""

    async def main() -> None:
        hour = 100 * 3_600.0
        async with opened(server) as first, opened(server) as second:
            first.worked("work:o", hour, hour + 5, 12.5)
            await asyncio.sleep(0.1)
            second.worked("work:o", hour, hour + 6, 2.5)
            await asyncio.sleep(0.1)
            assert second.worked("work:o", hour, hour + 7, 0.0) == pytest.approx(15.0)
            assert second.worked("work:o", hour + 3_600, hour + 3_601, 0.0) == 0.0

    run(main)


def test_no_key_shows_whose_it_is(server: RedisServer) -> None:
    """Keys hold digests, and the URL's password is in no message."""

    async def main() -> None:
        async with opened(server) as log:
            await lease(log, window(1, 9.0, "token:s3cret"))
            assert "s3cret" not in server.command("KEYS", "*")

    run(main)


def test_a_redis_that_is_not_there_is_named_without_its_password(server: RedisServer) -> None:
    """At the start an unreachable server or a bad URL ends the run with a remedy, and keeps the secret."""
    server.kill()

    async def main(url: str) -> None:
        async with open_redis_log(url, "productive", BASE):
            pass

    with pytest.raises(UnreachableError) as caught:
        asyncio.run(main(f"redis://user:s3cret@127.0.0.1:{server.port}/0"))
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(UsageError) as wrong:
        asyncio.run(main("redis://user:s3cret@127.0.0.1:port/0"))
    assert "s3cret" not in f"{wrong.value} {wrong.value.hint}"


def test_a_redis_that_goes_ends_the_run(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is granted without it; when it has been silent for long enough, whoever waits is told so."""
    monkeypatch.setattr("headrace.dispatch.permits.shared.PATIENCE", 0.5)

    async def main() -> None:
        async with opened(server) as log:
            budget = Budget([Limit(5, 1.0)], log=log, pacer=None)
            (await budget.acquire(None, Lane.ROWS)).settle()
            server.kill()
            with pytest.raises(UnreachableError):
                await asyncio.wait_for(budget.acquire(None, Lane.ROWS), 10)
            with pytest.raises(UnreachableError):
                await asyncio.wait_for(budget.acquire(None, Lane.ROWS), 10)

    run(main)


def test_a_short_absence_is_sat_out(server: RedisServer) -> None:
    """A server that comes back within a minute costs time, no permit and no error."""

    async def main() -> None:
        async with opened(server) as log:
            budget = Budget([Limit(50, 1.0)], log=log, pacer=None, slack=0.0)
            permit = await budget.acquire(None, Lane.ROWS)
            server.kill()
            permit.settle()
            waiting = asyncio.ensure_future(budget.acquire(None, Lane.ROWS))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            server.restart()
            (await asyncio.wait_for(waiting, 10)).settle()

    run(main)


WORKER = """
import asyncio, sys, time
from headrace.dispatch.budget import Budget
from headrace.dispatch.permits.redis import open_redis_log
from headrace.model import Lane
from headrace.provider import Limit

async def main(url, seconds):
    async with open_redis_log(url, "productive", "http://127.0.0.1:1/api/v2", linger=0.2) as log:
        budget = Budget([Limit(20, 1.0), Limit(60, 5.0)], log=log, pacer=None, slack=0.01)
        ends_at = time.monotonic() + seconds
        async def writer():
            while time.monotonic() < ends_at:
                permit = await budget.acquire(None, Lane.ROWS)
                print(time.clock_gettime(time.CLOCK_MONOTONIC), flush=True)
                await asyncio.sleep(0.02)
                permit.settle()
        await asyncio.wait([asyncio.ensure_future(writer()) for _ in range(4)], timeout=seconds)

asyncio.run(main(sys.argv[1], float(sys.argv[2])))
"""


def test_processes_stay_inside_the_limits(server: RedisServer) -> None:
    """I10: three processes at once, one of them killed in the middle, on the real clock: no window is exceeded."""
    command = [sys.executable, "-c", WORKER, server.url]
    processes = [subprocess.Popen([*command, "6"], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    time.sleep(2.0)
    processes[0].send_signal(signal.SIGKILL)
    said = [process.communicate(timeout=60)[0] for process in processes]
    times = sorted(float(line) for text in said for line in text.splitlines() if line)
    assert worst_window(times, 1.0) <= 20
    assert worst_window(times, 5.0) <= 60
    assert len(times) >= 60
    assert [process.returncode for process in processes[1:]] == [0, 0]


def test_the_gate_passes_a_hundred_permits_a_second(server: RedisServer) -> None:
    """Order and cancellation stay in the gate, and the journey to Redis does not slow ten requests a second down."""

    async def main() -> float:
        async with opened(server) as log:
            budget = Budget([Limit(1_000, 10.0)], log=log, pacer=None)
            began = time.monotonic()
            for _ in range(100):
                (await budget.acquire(None, Lane.ROWS)).settle()
            return time.monotonic() - began

    assert run(main) < 5.0
