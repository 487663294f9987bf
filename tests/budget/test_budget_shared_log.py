"""The permit log that machines share, in virtual time on a fake store: as the one in memory, safe over all faults."""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from budget_scenarios import EPSILON, LINGER, Call, calls, limits, play
from budget_stores import FakeStore, Shelf, needs_redis, redis_server, running
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.permits import Answer, Failure, Lease, PermitLog, Unknown, Wait, Window, demand
from headrace.dispatch.permits.file import FileLog
from headrace.dispatch.permits.memory import MemoryLog
from headrace.dispatch.permits.recollection import Memory
from headrace.dispatch.permits.redis import Address, RedisStore
from headrace.dispatch.permits.shared import LEASE, PATIENCE, SharedLog
from headrace.dispatch.permits.step import Asked, Claim, End, Ending, Held, Step, Store, Told, Worked
from headrace.errors import UnreachableError
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time
from headrace.testing.servers import worst_window

WIDE = Window("wide", "wide", 3, 4.0, per=4.0)
NARROW = Window("narrow", "narrow", 2, 90.0, per=90.0)
SAFE = Window("safe", "safe", 4, 90.0, per=90.0, is_counter_safe=True)
PLACES = {"take": (WIDE,), "take both": (WIDE, NARROW), "take safe": (SAFE,)}


def shared(shelf: Shelf, *, clock: Callable[[], float] = virtual_time.clock, **options: object) -> SharedLog:
    store = FakeStore(shelf, **options)  # type: ignore[arg-type]  # the fake's own
    return SharedLog(store, notice=lambda _: None, linger=LINGER, clock=clock)


def budget_of(windows: Sequence[Limit], log: PermitLog) -> Budget:
    return Budget(windows, log=log, pacer=None, slack=0, clock=virtual_time.clock)


async def ask(log: PermitLog, windows: tuple[Window, ...]) -> Answer:
    """Take, and wait until what travels has arrived; whoever is refused goes away."""
    for _ in range(100):
        found = log.take(windows)
        if isinstance(found, Lease) or not isinstance(log, SharedLog):
            return found
        if log._replica.free_in(windows) > 0 and log._due_in() > 0:
            log._demands.clear()
            return found
        await asyncio.sleep(1e-6)
    raise TimeoutError


@asynccontextmanager
async def opened(kind: str) -> AsyncIterator[PermitLog]:
    """Give a log of one of the three kinds, in virtual time."""
    if kind == "memory":
        yield MemoryLog(linger=LINGER, clock=virtual_time.clock)
    elif kind == "file":
        with tempfile.TemporaryDirectory() as folder:
            clock = virtual_time.clock
            log = FileLog(Path(folder) / "permits", linger=LINGER, clock=clock, wall=clock, boot=1)
            with contextlib.closing(log):
                yield log
    else:
        async with running(shared(Shelf(virtual_time.clock)), WIDE, NARROW, SAFE) as there:
            yield there


class PlainLog:
    """Every permit ever taken, with the instant at which it comes free: infinity while it is not known."""

    def __init__(self) -> None:
        self.ends: dict[int, dict[str, float]] = {}

    def used(self, window: Window, now: float) -> int:
        return sum(ends[window.key] > now for ends in self.ends.values() if window.key in ends)

    def wait(self, touched: tuple[Window, ...], now: float) -> float:
        return max(self._wait(window, now) for window in touched)

    def _wait(self, window: Window, now: float) -> float:
        ends = sorted(ends[window.key] for ends in self.ends.values() if ends.get(window.key, now) > now)
        return ends[len(ends) - window.calls] - now if len(ends) >= window.calls else 0.0


courses = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0, 4.0, 9.0, 60.0]),
        st.sampled_from(["take", "take", "take both", "settle", "lost", "refund"]),
    ),
    max_size=40,
)


@pytest.mark.parametrize("kind", ["memory", "file", "shared"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=courses)
def test_every_log_agrees_with_a_plain_one(
    kind: str, course: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One suite for the three logs: the same grants, waits, use and releases after any course of events."""
    monkeypatch.setattr(demand, "HOT", 0.0)  # nothing is fetched ahead: all that is taken is asked for

    async def main() -> None:
        plain, held = PlainLog(), list[Lease]()
        async with opened(kind) as log:
            for pause, deed in course:
                await asyncio.sleep(pause)
                now = virtual_time.clock()
                if deed in PLACES:
                    touched = PLACES[deed]
                    wait = plain.wait(touched, now)
                    match await ask(log, touched):
                        case Lease() as lease:
                            assert wait < EPSILON
                            held.append(lease)
                            plain.ends[lease.number] = {window.key: math.inf for window in touched}
                        case Wait(seconds):
                            assert seconds == pytest.approx(wait, abs=EPSILON)
                        case Unknown():
                            assert wait == math.inf
                        case Failure(error):
                            raise error
                elif held:
                    lease = held.pop(len(held) // 2)
                    getattr(log, deed)(lease)
                    ends_at = now + (LINGER if deed == "lost" else 0.0)
                    ends = {window.key: ends_at + window.hold for window in lease.windows}
                    plain.ends[lease.number] = {} if deed == "refund" else ends
                await asyncio.sleep(1e-4)
                now = virtual_time.clock()
                for window in (WIDE, NARROW):
                    assert log.used(window) == plain.used(window, now)
                    known = [ends[window.key] - now for ends in plain.ends.values() if window.key in ends]
                    expected = sorted(seconds for seconds in known if 0 < seconds < math.inf)
                    assert list(log.releases(window)) == pytest.approx(expected, abs=EPSILON)

    virtual_time.run(main)


@pytest.mark.parametrize("kind", ["file", "shared"])
def test_what_is_remembered_of_a_window_is_the_same(kind: str) -> None:
    """The counter-safe profile asks the same wait of every log, and each tells the same past."""

    async def course(log: PermitLog) -> list[object]:
        told: list[object] = []
        for pause in (0.0, 1.0, 30.0, 60.0, 20.0, 50.0, 5.0):
            await asyncio.sleep(pause)
            found = await ask(log, (SAFE,))
            told.append(round(found.seconds, 1) if isinstance(found, Wait) else type(found))
            if isinstance(found, Lease):
                log.settle(found)
            await asyncio.sleep(1e-4)
            told.append([(round(age, 1), number) for age, number in log.past(SAFE)])
        return told

    async def main() -> None:
        async with opened("memory") as plain, opened(kind) as log:
            expected, found = await asyncio.gather(course(plain), course(log))
        assert found == expected
        assert expected[-1]

    virtual_time.run(main)


ways = st.sampled_from([0.0, 0.001, 0.05, 0.3])
skews = st.sampled_from([0.0, -3_600.0, 1e6])
failures = st.frozensets(st.integers(1, 60), max_size=12)
members = st.lists(st.tuples(ways, skews, failures), min_size=1, max_size=3)


@settings(max_examples=80, deadline=None)
@given(limits(), limits("reports"), st.lists(calls, min_size=1, max_size=25), members)
def test_no_window_is_exceeded(
    general: list[Limit],
    reports: list[Limit],
    scenario: list[Call],
    team: list[tuple[float, float, frozenset[int]]],
) -> None:
    """I1: several machines, far away, with clocks of their own, whose steps and answers get lost: no window overflows.

    And none leaks: when all have ended nothing is held any more.
    """
    windows = [*general, *reports]

    async def member(shelf: Shelf, number: int) -> tuple[SharedLog, Budget]:
        way, skew, fails = team[number]
        log = shared(shelf, way=way, fails=fails, clock=lambda: virtual_time.clock() + skew)
        return log, Budget(windows, log=log, pacer=None, slack=0, clock=virtual_time.clock)

    async def main() -> list[tuple[str | None, float]]:
        shelf = Shelf(lambda: virtual_time.clock() * 1.0 + 1.7e9)
        async with AsyncExitStack() as everybody:
            shares = [scenario[number :: len(team)] for number in range(len(team))]
            plays, logs = [], []
            for number, share in enumerate(shares):
                log, budget = await member(shelf, number)
                logs.append(log)
                await everybody.enter_async_context(patiently(log, budget.windows))
                plays.append(play(budget, share))
            traces = await asyncio.gather(*plays)
            await asyncio.sleep(LINGER + 100)
            assert all(not kept.under_way for kept in shelf.windows.values())
            for _ in range(2):  # the first look has all of it heard again
                used = [log.used(window) for log in logs for window in budget.windows]
                await asyncio.sleep(5)
            assert used == [0] * len(logs) * len(windows)
        return [(route, at) for trace in traces for route, times in trace.arrivals.items() for at in times]

    arrivals = virtual_time.run(main)
    for limit in windows:
        counted = [at for route, at in arrivals if limit.routes in {None, route}]
        assert worst_window(counted, limit.per - EPSILON) <= limit.calls


@asynccontextmanager
async def patiently(log: SharedLog, windows: Sequence[Window]) -> AsyncIterator[None]:
    """Run `log` as `running` does, with as many attempts at the first step as it takes."""
    for _ in range(100):
        with contextlib.suppress(UnreachableError):
            await log.begin(windows)
            break
    async with running(log, *windows):
        yield


@settings(max_examples=60, deadline=None)
@example([Limit(1, 1.0)], 2, [0.5, 15.0, 6.0], 0.0)  # what is held, told once more, was not seen by another's claim
@given(limits(), st.integers(1, 3), st.lists(st.sampled_from([0.5, 1.0, 2.5, 6.0, 15.0]), max_size=4), ways)
def test_no_window_is_exceeded_when_data_is_lost(
    general: list[Limit], machines: int, losses: list[float], way: float
) -> None:
    """Loss of all data, at any moment, with requests under way: what nobody knows is taken for spent."""
    shelf_way = min(way, 0.05)

    async def main() -> list[float]:
        shelf, arrivals = Shelf(virtual_time.clock), list[float]()
        until = virtual_time.clock() + 60

        async def write(budget: Budget, seconds: float) -> None:
            while virtual_time.clock() < until:
                permit = await budget.acquire(None, Lane.ROWS)
                arrivals.append(virtual_time.clock() + seconds)
                await asyncio.sleep(seconds + 0.01)
                permit.settle()

        async with AsyncExitStack() as everybody:
            tasks = []
            for number in range(machines):
                log = shared(shelf, way=shelf_way)
                budget = budget_of(general, log)
                await everybody.enter_async_context(running(log, *budget.windows))
                tasks += [asyncio.ensure_future(write(budget, 0.1 + 0.7 * (number + place))) for place in range(3)]
            for pause in losses:
                await asyncio.sleep(pause)
                shelf.windows.clear()
            await asyncio.wait(tasks, timeout=max(0.0, until - virtual_time.clock()))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return arrivals

    arrivals = virtual_time.run(main)
    assert arrivals
    for limit in general:
        assert worst_window(arrivals, limit.per - EPSILON) <= limit.calls


def test_the_dead_hold_their_permits_until_the_lease_ends() -> None:
    """A killed process is not heard of any more: its permits are lost at the end of the lease, not sooner nor later."""
    window = Window("w", "w", 1, 10.0)

    async def main() -> None:
        shelf = Shelf(virtual_time.clock)
        victim, other = shared(shelf), shared(shelf)
        await victim.begin([window])
        task = asyncio.ensure_future(victim.run())
        held = await ask(victim, (window,))
        assert isinstance(held, Lease)
        await asyncio.sleep(3 * LEASE)  # alive, it may take as long as it likes
        async with running(other, window):
            assert not isinstance(await ask(other, (window,)), Lease)
            task.cancel()
            before = virtual_time.clock()
            while not isinstance(found := other.take((window,)), Lease):
                assert isinstance(found, Wait)
                await asyncio.sleep(0.3)
            waited = virtual_time.clock() - before
        assert LEASE - 5 + LINGER + 10 <= waited <= LEASE + LINGER + 10 + 2

    virtual_time.run(main)


def test_what_ends_in_an_outage_is_told_with_its_age() -> None:
    """An answer that could not be told for a minute is counted when it came, so nothing is held for longer."""
    window = Window("w", "w", 1, 100.0)

    async def main() -> None:
        shelf = Shelf(virtual_time.clock)
        async with running(shared(shelf), window) as log:
            held = await ask(log, (window,))
            assert isinstance(held, Lease)
            shelf.is_down = True
            log.settle(held)
            await asyncio.sleep(60)
            shelf.is_down = False
            await asyncio.sleep(3)
            assert list(log.releases(window)) == [pytest.approx(100 - 63, abs=0.1)]

    virtual_time.run(main)


def test_an_outage_ends_the_waiting_and_not_the_log() -> None:
    """Whoever waits without the store is told so after a stated time; when it is back, all goes on."""

    async def main() -> None:
        shelf = Shelf(virtual_time.clock)
        log = shared(shelf)
        budget = budget_of([Limit(5, 10)], log)
        async with running(log, *budget.windows):
            shelf.is_down = True
            before = virtual_time.clock()
            waiting = [asyncio.ensure_future(budget.acquire(None, Lane.ROWS)) for _ in range(3)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(one) for one in ended] == [UnreachableError] * 3
            assert virtual_time.clock() - before == pytest.approx(PATIENCE, abs=5)
            shelf.is_down = False
            await asyncio.sleep(3)
            (await budget.acquire(None, Lane.ROWS)).settle()

    virtual_time.run(main)


def test_a_swallowed_cancellation_does_not_hang() -> None:
    """A client that loses the cancellation which comes with its answer: the log's task ends all the same."""

    class Deaf(FakeStore):
        async def take(self, step: Step) -> Told:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
            return await super().take(step)

    async def main() -> None:
        log = SharedLog(Deaf(Shelf(virtual_time.clock)), notice=print, clock=virtual_time.clock)
        await log.begin([WIDE])
        task = asyncio.ensure_future(log.run())
        log.take((WIDE,))
        await asyncio.sleep(0.5)
        log.stop()
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.done()

    virtual_time.run(main)


def test_an_unwanted_permit_goes_back() -> None:
    """Who waited has been cancelled: the permit that was fetched for him is somebody else's within a second."""

    async def main() -> None:
        shelf = Shelf(virtual_time.clock)
        logs = [shared(shelf, way=0.05) for _ in range(2)]
        mine, yours = (budget_of([Limit(1, 10)], log) for log in logs)
        async with running(logs[0], *mine.windows), running(logs[1], *yours.windows):
            waiting = asyncio.ensure_future(mine.acquire(None, Lane.ROWS))
            await asyncio.sleep(0.01)
            waiting.cancel()
            before = virtual_time.clock()
            (await yours.acquire(None, Lane.ROWS)).settle()
            assert virtual_time.clock() - before < 2.0

    virtual_time.run(main)


@pytest.mark.parametrize("way", [0.0, 0.02, 0.05])
def test_a_store_far_away_costs_no_rate(way: float) -> None:
    """The next permit is fetched ahead: ten requests a second pass a store that is a tenth of a second away."""

    async def main() -> float:
        log = shared(Shelf(virtual_time.clock), way=way)
        budget = Budget([Limit(100, 10), Limit(4_000, 1_800)], log=log, clock=virtual_time.clock)
        async with running(log, *budget.windows):
            before = virtual_time.clock()

            async def write() -> None:
                for _ in range(25):
                    permit = await budget.acquire(None, Lane.ROWS)
                    await asyncio.sleep(0.15)
                    permit.settle()

            await asyncio.gather(*(write() for _ in range(16)))
            return 400 / (virtual_time.clock() - before)

    assert virtual_time.run(main) > 9.5 * (0.97 if way < 0.05 else 0.85)


def test_a_machine_remembers_what_it_has_seen(tmp_path: Path) -> None:
    """A store that is empty is new to who has never seen it, and has lost its data to who has; both then hold."""
    window = Window("w", "w", 2, 10.0)

    async def first_wait(shelf: Shelf, folder: Path | None) -> float:
        log = SharedLog(
            FakeStore(shelf), notice=lambda _: None, linger=LINGER, memory=Memory(folder), clock=virtual_time.clock
        )
        async with running(log, window):
            return max(0.0, log._replica.free_in((window,)))

    async def main() -> None:
        shelf = Shelf(virtual_time.clock)
        assert await first_wait(shelf, tmp_path / "a") == 0
        shelf.windows.clear()
        assert await first_wait(shelf, tmp_path / "b") == 0
        await asyncio.sleep(4)
        assert await first_wait(shelf, tmp_path / "a") == pytest.approx(6, abs=0.1)
        assert await first_wait(shelf, tmp_path / "b") == pytest.approx(6, abs=0.1)

    virtual_time.run(main)


# The fake against the real one...


class _Hand:
    """What a client that knows nothing of the arithmetic may say to a store, and what it heard last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked = {key: Asked(key=key, keep=40.0) for key in "ab"}
        self._steps = 0
        self.held: dict[str, tuple[str, ...]] = {}

    async def step(self, deed: str, fresh: str) -> object:
        """Do one deed, and return what was answered, without instants and the store's own places."""
        self._steps += 1
        name, keys = f"{fresh}:{self._steps}", list(self._asked)
        claim = Claim(name=name, places=(0, 1) if deed == "both" else (0,), room=1, not_before=0.0)
        old = next(iter(self.held), "")
        ends = {"settle": Ending.SETTLED, "lose": Ending.LOST, "refund": Ending.REFUNDED}
        end = End(name=old, places=(0,), markers=self.held.get(old, ("",)), ending=ends.get(deed, "s"), age=0.5)
        step = Step(
            windows=tuple(self._asked.values()),
            owners=("o",),
            fresh=f"{fresh}{self._steps}",
            lease=60.0,
            linger=2.0,
            held=(Held(name=old, places=(0,)),) if deed == "hold" and old else (),
            ends=(end,) if deed in ends and old else (),
            work=(Worked(place=0, hour=7, amount=5),) if deed == "work" else (),
            claim=claim if deed in {"one", "both"} else None,
        )
        told = await self._store.take(step)
        if step.ends:
            del self.held[old]
        if told.is_granted:
            self.held[name] = tuple(view.marker for view in told.views)[:1]
        for key, view in zip(keys, told.views, strict=True):
            self._asked[key] = Asked(key=key, keep=40.0, marker=view.marker, grants=view.grants, seen=view.seen)
        heard = [
            (view.marker, view.grants, view.under_way, view.spent_at > 0, [round(at - told.now) for at in view.counted])
            for view in told.views
        ]
        return told.is_granted, heard, told.work


deeds = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from(["one", "both", "one", "settle", "lose", "refund", "hold", "work", "clear"])
    ),
    max_size=25,
)


@pytest.mark.real
@needs_redis
def test_redis_does_what_the_fake_does(tmp_path: Path) -> None:
    """Any course of steps of two clients, with losses of all data in between: the script answers as the fake does."""
    with redis_server(tmp_path) as server, asyncio.Runner() as runner:

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.nested_given])
        @given(deeds)
        def agree(course: list[tuple[int, str]]) -> None:
            runner.run(compare(course))

        async def compare(course: list[tuple[int, str]]) -> None:
            server.command("FLUSHALL")
            shelf = Shelf(lambda: asyncio.get_running_loop().time() + 1e9)
            stores = [await RedisStore.open(Address(server.url), tag="t", notice=print) for _ in "xy"]
            real, fakes = [_Hand(store) for store in stores], [_Hand(FakeStore(shelf)) for _ in "xy"]
            for who, deed in course:
                if deed == "clear":
                    server.command("FLUSHALL")
                    shelf.windows.clear()
                    shelf.work.clear()
                    continue
                found, expected = await real[who].step(deed, "xy"[who]), await fakes[who].step(deed, "xy"[who])
                # A window of the real one begins with an entry that stands for nothing.
                assert _without_nothing(found) == expected
            for store in stores:
                await store.close()

        agree()


def _without_nothing(heard: object) -> object:
    is_granted, views, work = heard  # type: ignore[misc]  # what `_Hand.step` returns
    kept = [(*rest, [at for at in counted if at > -1e6]) for *rest, counted in views]  # type: ignore[has-type]
    return is_granted, kept, work  # type: ignore[has-type]
