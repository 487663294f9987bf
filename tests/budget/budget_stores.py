"""Stores of a shared permit log for tests: a real redis-server, and a fake that does the same in virtual time."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from headrace.dispatch.permits.shared import SharedLog
from headrace.dispatch.permits.step import Asked, Claim, Ending, Step, Store, Told, View
from headrace.errors import UnreachableError

MISSING = (
    "no redis-server is installed here (apt-get install redis-server)"
    if shutil.which("redis-server") is None
    else "redis-py is not installed here (pip install 'headrace[redis]')"
    if find_spec("redis") is None
    else ""
)
"""Why tests that need a real Redis are skipped, nothing where they are not."""
needs_redis = pytest.mark.skipif(bool(MISSING), reason=MISSING)


class RedisServer:
    """A redis-server of our own on loopback, without persistence; can be killed and started again, and stopped."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "no", *options]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise TimeoutError("redis-server does not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def command(self, *words: str) -> str:
        """Send one command over a connection of its own, and return the first of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{parts}".encode())
            return connection.recv(1 << 20).decode()


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    server = RedisServer(folder, *options)
    try:
        yield server
    finally:
        server.kill()


class _Kept:
    """One window as the fake keeps it."""

    def __init__(self, marker: str, born: float) -> None:
        self.marker = marker
        self.born = born
        self.spent = 0.0
        self.grants = 0
        self.under_way: dict[str, float] = {}
        self.counted: list[float] = []


class Shelf:
    """What a fake store keeps, for any number of clients. `clock` is its own; `loses` forgets everything."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.is_down = False
        self.windows: dict[str, _Kept] = {}
        self.work: dict[str, dict[int, int]] = defaultdict(dict)


class FakeStore:
    """The script of `step.lua` in Python, with a way there and back in seconds; passes the same tests as Redis.

    `fails` are the steps, by number, of which no answer comes: every other one of those is done all the same.
    """

    def __init__(self, shelf: Shelf, *, way: float = 0.0, fails: frozenset[int] = frozenset()) -> None:
        self._shelf = shelf
        self._way = way
        self._fails = fails
        self.steps = 0

    async def take(self, step: Step) -> Told:
        self.steps += 1
        await asyncio.sleep(self._way)
        if self._shelf.is_down or (self.steps in self._fails and self.steps % 2):
            raise UnreachableError("the fake is out of reach")
        told = _Turn(self._shelf, step).told()
        await asyncio.sleep(self._way)
        if self.steps in self._fails:
            raise UnreachableError("the answer of the fake was lost")
        return told

    async def close(self) -> None:
        """Nothing is open."""


class _Turn:
    def __init__(self, shelf: Shelf, step: Step) -> None:
        self._shelf = shelf
        self._step = step
        self.now = shelf.clock()
        self._windows = [self._kept(asked) for asked in step.windows]

    def told(self) -> Told:
        step = self._step
        for held in step.held:
            for place in held.places:
                window = self._windows[place]
                window.grants += held.name not in window.under_way
                window.under_way[held.name] = self.now + step.lease
        for window in self._windows:
            for name, until in [*window.under_way.items()]:
                if until <= self.now:
                    del window.under_way[name]
                    window.counted.append(until + step.linger)
        self._end()
        for worked in step.work:
            hours = self._shelf.work[step.owners[worked.place]]
            hours[worked.hour] = hours.get(worked.hour, 0) + worked.amount
        is_granted = step.claim is not None and self._grant(step.claim)
        return Told(
            now=self.now,
            is_granted=is_granted,
            views=tuple(map(self._view, step.windows, self._windows)),
            work=tuple(dict(self._shelf.work[owner]) for owner in step.owners),
        )

    def _kept(self, asked: Asked) -> _Kept:
        kept = self._shelf.windows.get(asked.key)
        if kept is None or (asked.marker == kept.marker and asked.grants > kept.grants):
            kept = self._shelf.windows[asked.key] = _Kept(self._step.fresh, self.now)
        if asked.marker not in {"", kept.marker}:
            kept.spent = kept.born
        return kept

    def _end(self) -> None:
        for ended in self._step.ends:
            for place, marker in zip(ended.places, ended.markers, strict=True):
                window = self._windows[place]
                is_known = window.under_way.pop(ended.name, None) is not None
                if (is_known or marker != window.marker) and ended.ending is not Ending.REFUNDED:
                    window.grants += not is_known
                    linger = self._step.linger if ended.ending is Ending.LOST else 0.0
                    window.counted.append(self.now - ended.age + linger)

    def _grant(self, claim: Claim) -> bool:
        for place in claim.places:
            asked, window = self._step.windows[place], self._windows[place]
            if asked.marker != window.marker or window.grants - asked.grants > claim.room:
                return False
        if self.now < claim.not_before:
            return False
        for place in claim.places:
            self._windows[place].grants += 1
            self._windows[place].under_way[claim.name] = self.now + self._step.lease
        return True

    def _view(self, asked: Asked, window: _Kept) -> View:
        seen = int(asked.seen.partition("-")[0]) if asked.marker == window.marker else 0
        fresh = window.counted[seen : seen + 50]
        return View(
            marker=window.marker,
            grants=window.grants,
            under_way=len(window.under_way),
            spent_at=window.spent,
            seen=f"{seen + len(fresh)}-0",
            is_more=len(fresh) == 50,
            counted=tuple(fresh),
        )


@asynccontextmanager
async def running(log: SharedLog, *windows: object, store: Store | None = None) -> AsyncIterator[SharedLog]:
    """Begin `log`, run its task while the block lasts, and end it in order."""
    await log.begin(windows)  # type: ignore[arg-type]  # windows, for shorter lines in tests
    task = asyncio.ensure_future(log.run())
    try:
        yield log
    finally:
        log.close()
        await asyncio.wait([task], timeout=5)
        log.stop()
        task.cancel()
        if store is not None:
            await store.close()
