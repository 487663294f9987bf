"""Checks of limits: however the server counts, none is exceeded; and what a 429 asks for is done."""

from pathlib import Path
from typing import Final

import anyio

from headrace.client import Client
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing.conformance.bench import Bench, Subject, kinds

MOST: Final = 130
"""Requests of one check at most: what limits longer windows only is not waited for."""
WINDOWS: Final = ("sliding", "fixed")


def limits_are_kept_by_writes(subject: Subject, folder: Path) -> None:
    """More rows than a window allows: no 429, and no window held more than its limit."""
    name = next(iter(subject.rows))
    for window in WINDOWS:
        bench = Bench(subject, folder, settings=Settings(bulk=False), window=window)
        count = _more_than_a_window(subject)
        assert kinds(bench.load(name, bench.rows(name, count))) == {"Done": count}
        _are_kept(bench)
        (folder / f"{name}.headrace").unlink()


def limits_are_kept_by_reads(subject: Subject, folder: Path) -> None:
    """The application's own reads, all at once, keep the same limits."""
    resource = subject.resource(subject.many[1])
    first = subject.provider.wire.listing(subject.provider, resource, filters={}, size=1)
    for window in WINDOWS:
        bench = Bench(subject, folder, window=window)

        async def act(client: Client) -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(_more_than_a_window(subject)):
                    tasks.start_soon(lambda: client.request("GET", first.path, params=dict(first.params)))

        bench.use(act)
        _are_kept(bench)


def _more_than_a_window(subject: Subject) -> int:
    return min(MOST, min((limit.calls for limit in subject.provider.limits), default=0) + 15)


def _are_kept(bench: Bench) -> None:
    audit = bench.audit
    limits = {limit.name: limit.calls for limit in bench.sandbox.api.limits}
    assert audit["throttled"] == 0
    assert all(worst <= limits[name] for name, worst in audit["worst"].items()), audit["worst"]


def a_429_is_sat_out(subject: Subject, folder: Path) -> None:
    """A 429 that nobody could foresee costs time, and no row."""
    name = next(iter(subject.rows))
    bench = Bench(subject, folder, Rule(kind=FaultKind.THROTTLE, seconds=7, at=(3,)), settings=Settings(bulk=False))
    assert kinds(bench.load(name, bench.rows(name, 6))) == {"Done": 6}
    assert (bench.audit["throttled"], bench.audit["duplicates"], bench.created) == (1, 0, 6)
