"""What may be repeated without looking: requests whose key the provider knows again, updates, deletes."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flow_simulation import killed
from flow_world import World, hours, write_csv
from msgspec.structs import replace

from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.provider import IdempotencyKey, NaturalKey
from headrace.providers.productive.provider import PRODUCTIVE
from headrace.sandbox.faults import FaultKind, Rule
from headrace.sandbox.message import json_reply
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

DAY = 86_400.0
KEY = "idempotency-key"


def keyed(window: float) -> Any:
    """Return the provider's table as it would be if time entries took idempotency keys for `window` seconds."""
    entries = PRODUCTIVE.resource("time_entries")
    assert entries is not None
    assert isinstance(entries.guarantee, NaturalKey)
    entries = replace(entries, guarantee=IdempotencyKey(window, then=entries.guarantee), bulk=None)
    return replace(PRODUCTIVE, resources=(entries,))


class KeyedWorld(World):
    """A world whose API keeps the answer to each key, and refuses a key that comes with another body."""

    def __init__(self, folder: Path, window: float, **options: Any) -> None:
        super().__init__(folder, **options)
        self.provider = keyed(window)
        self.kept: dict[str, tuple[bytes, Any]] = {}
        self.keys: Counter[str] = Counter()
        self.lists = 0
        self._handle = self.sandbox.api.answer
        self.sandbox.api = replace_answer(self.sandbox.api, self._answer)

    def _answer(self, call: Any, context: Any) -> Any:
        key = call.headers.get(KEY)
        self.lists += call.method == "GET" and "filter" in call.query
        if call.method != "POST" or key is None:
            return self._handle(call, context)
        self.keys[key] += 1
        if key in self.kept:
            body, reply = self.kept[key]
            return reply if body == call.body else json_reply(409, {"errors": [{"status": "409", "title": "Conflict"}]})
        reply = self._handle(call, context)
        if reply.status < 300:
            self.kept[key] = (call.body, reply)
        return reply

    def run_keyed(self, settings: Settings | None = None) -> Report:
        async def main() -> Report:
            self.wait()
            async with simulated_client(self.sandbox, settings, provider=self.provider) as client:
                return await client.run(self.spec, checkpoint=self.checkpoint, results=self.results)

        return virtual_time.run(main)


def replace_answer(api: Any, answer: Any) -> Any:
    class Answering:
        def __getattr__(self, name: str) -> Any:
            return answer if name == "answer" else getattr(api, name)

    return Answering()


LOST = Rule(kind=FaultKind.DROP_AFTER_COMMIT, path="/time_entries", method=("POST",), probability=0.2)
NEVER = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/time_entries", method=("POST",), probability=0.1)


def rows_with_copies() -> list[tuple[Any, ...]]:
    return [*hours(40), *hours(10)]


def test_a_key_is_repeated_at_once_and_never_shared(tmp_path: Path) -> None:
    """Lost answers are repeated byte by byte under the same key, in seconds; copies of a row have keys of their own."""
    world = KeyedWorld(tmp_path, 30 * DAY, latency=(10, 100), faults=(LOST, NEVER))
    write_csv(tmp_path / "hours.csv", rows_with_copies())
    report = world.run_keyed(Settings(concurrency=4))
    assert (report.summary.done, report.exit_code) == (50, 0)
    assert Counter(world.stored) == Counter(row[4] for row in rows_with_copies())
    assert len(world.keys) == 50
    assert max(world.keys.values()) > 1
    assert world.lists == 0
    assert report.summary.seconds < 150  # less than one quiet period


@pytest.mark.parametrize(("window", "lists"), [(30 * DAY, False), (DAY, True)])
def test_after_a_kill_the_window_decides(window: float, lists: bool, tmp_path: Path) -> None:
    """Within the window the same keys are sent again; outside it rows are looked up, as without any key."""
    world = KeyedWorld(tmp_path, window, latency=(50, 400))
    write_csv(tmp_path / "hours.csv", rows_with_copies())
    killed(world, 20, provider=world.provider)
    report = world.run_keyed()
    assert (report.summary.done, report.exit_code) == (50, 0)
    assert Counter(world.stored) == Counter(row[4] for row in rows_with_copies())
    assert (world.lists > 0) == lists
