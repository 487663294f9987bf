"""`Teller` and `Wakeup`: what another thread makes durable is told once, in order, and never before."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.dispatch.halt import Halt
from headrace.dispatch.teller import MOST_UNTOLD, Teller, Told
from headrace.dispatch.wakeup import Wakeup
from headrace.errors import StoppedError
from headrace.model import Done, Row, Settled
from headrace.testing import virtual_time


def settled(offset: int) -> list[Settled]:
    return [Settled(Row(offset, offset + 2, b"", ()), Done(offset, offset + 2, str(offset)))]


class Listener:
    """Keeps the offsets that it is told of, and asserts that each was durable by then."""

    def __init__(self, futures: Sequence["Future[None]"]) -> None:
        self.futures = futures
        self.heard: list[int] = []

    async def emit(self, rows: Sequence[Settled]) -> None:
        for one in rows:
            assert self.futures[one.row.offset].done()
            self.heard.append(one.row.offset)


@given(st.integers(1, MOST_UNTOLD).flatmap(lambda count: st.permutations(range(count))), st.data())
def test_told_in_order_and_only_when_durable(order: list[int], data: st.DataObject) -> None:
    """However disks dawdle, each outcome is told once, in the order of settling; what never is durable is not told."""
    failing = data.draw(st.frozensets(st.sampled_from(order)))
    futures: list[Future[None]] = [Future() for _ in order]
    halt, listener = Halt(), Listener(futures)

    async def main() -> None:
        teller = Teller(halt, listener.emit)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(teller.run)
            for offset, future in enumerate(futures):
                await teller.tell(Told(settled(offset), future))
            for offset in order:
                await asyncio.sleep(1)
                if offset in failing:
                    futures[offset].set_exception(StoppedError("the disk is full"))
                else:
                    futures[offset].set_result(None)
            await teller.finish()

    virtual_time.run(main)
    assert listener.heard == [offset for offset in range(len(order)) if offset not in failing]
    assert bool(halt) == bool(failing)


def test_a_slow_listener_slows_the_run() -> None:
    """No more than the bound waits to be told: whoever settles more waits for the listener."""
    accepted = 0

    async def main() -> None:
        nonlocal accepted
        teller = Teller(Halt(), lambda _: asyncio.sleep(3_600))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(teller.run)
            with anyio.move_on_after(60):
                while True:
                    await teller.tell(Told(settled(accepted)))
                    accepted += 1
            tasks.cancel_scope.cancel()

    virtual_time.run(main)
    assert MOST_UNTOLD <= accepted <= MOST_UNTOLD + 1


def test_a_group_wakes_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Futures that a thread finishes together are all released by one wake-up of the loop."""
    futures: list[Future[int]] = [Future() for _ in range(50)]
    wakes = 0

    async def main() -> list[int]:
        loop, wakeup = asyncio.get_running_loop(), Wakeup()
        wake = loop.call_soon_threadsafe

        def counting(*args: object, **options: object) -> asyncio.Handle:
            nonlocal wakes
            wakes += 1
            return wake(*args, **options)  # type: ignore[arg-type]  # passed on as they are

        monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
        tasks = [asyncio.create_task(wakeup.wait_done(future)) for future in futures]
        await asyncio.sleep(0)
        # The loop stands still meanwhile, as it does while a chunk is read.
        thread = threading.Thread(target=lambda: [future.set_result(at) for at, future in enumerate(futures)])
        thread.start()
        thread.join()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(main()) == list(range(50))
    assert wakes == 1


@given(st.integers(1, 200), st.integers(1, 8))
def test_no_wake_up_is_lost(count: int, threads: int) -> None:
    """Whatever the timing of the threads, whoever waits is released, with the future's own result."""
    futures: list[Future[int]] = [Future() for _ in range(count)]

    def finish(start: int) -> None:
        for at in range(start, count, threads):
            futures[at].set_result(at)

    async def main() -> list[int]:
        wakeup = Wakeup()
        tasks = [asyncio.create_task(wakeup.wait_done(future)) for future in futures]
        workers = [threading.Thread(target=finish, args=(start,)) for start in range(threads)]
        for worker in workers:
            worker.start()
        async with asyncio.timeout(5):
            found = await asyncio.gather(*tasks)
        for worker in workers:
            worker.join()
        return list(found)

    assert asyncio.run(main()) == list(range(count))


def test_what_is_done_is_not_waited_for() -> None:
    """A future that is done already costs no turn of the loop, and its exception comes out as it is."""
    good: Future[int] = Future()
    good.set_result(7)
    bad: Future[int] = Future()
    bad.set_exception(StoppedError("the disk is full"))
    waiting = Wakeup().wait_done(good)
    with pytest.raises(StopIteration) as ended:
        waiting.send(None)
    assert ended.value.value == 7
    with pytest.raises(StoppedError):
        Wakeup().wait_done(bad).send(None)


def test_who_left_is_not_woken(caplog: pytest.LogCaptureFixture) -> None:
    """A waiter that was cancelled, whose loop has ended, is passed over in the other thread without a word."""
    future: Future[int] = Future()

    async def main() -> None:
        with anyio.move_on_after(0.01):
            await Wakeup().wait_done(future)

    virtual_time.run(main)
    future.set_result(1)
    assert not caplog.records  # where a future's callbacks put their exceptions
