"""Deterministic simulation: the real client and the sandbox in one process, in virtual time, everything by one seed.

A scenario is an import under faults that is killed and resumed until it is done. What the sandbox holds in the end is
the oracle; the trace is every request that reached it.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from flow_world import PERSON, SERVICE, World, read_csv, write_csv
from msgspec import Struct
from msgspec.structs import replace

from headrace.client import Client
from headrace.errors import CredentialsError, HeadraceError
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.provider import Provider
from headrace.providers.productive.provider import PRODUCTIVE
from headrace.sandbox.api import Credentials
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

MOST_RUNS = 14
COMMIT_WITHIN, VISIBLE_WITHIN = 120.0, 60.0
"""D and L of the provider's table."""

PEOPLE = (PERSON, 202, 203, 204)
INCLUDES = ("shown", "shown", "ignored", "refused")
WRITES = ("POST",)
LISTS = ("GET",)


class Scenario(Struct, frozen=True):
    """What is imported, under which conditions, and when the process is killed: after so many requests, or seconds."""

    rows: list[tuple[Any, ...]]
    good: Counter[tuple[str, int]]
    settings: Settings
    options: dict[str, Any]
    kills: list[tuple[int, float]]
    sorts: bool
    marker: str

    @property
    def provider(self) -> Provider:
        """The table: where batches are stored in part in a way that one look does not find out, it says so."""
        kinds = {rule.kind for rule in self.options["faults"]}
        is_partial = self.options["atomicity"] == "partial" and FaultKind.SEARCH_LAG in kinds
        return UNKNOWN_ATOMICITY if is_partial or FaultKind.PARTIAL in kinds else PRODUCTIVE


UNKNOWN_ATOMICITY = replace(
    PRODUCTIVE,
    resources=tuple(
        replace(one, bulk=one.bulk and replace(one.bulk, atomicity="unknown")) for one in PRODUCTIVE.resources
    ),
)


def scenario(seed: int) -> Scenario:
    chance = Random(seed)
    count = chance.randint(40, 100)
    rows = [_row(chance, at) for at in range(count)]
    others = Random(f"others {seed}")  # so that the seeds of old mean what they did
    rows = [_shared(others, row) for row in rows] if others.random() < 0.4 else rows
    good = Counter((row[4], row[2]) for row in rows if row[0] != "soon" and row[2] in PEOPLE)
    size = chance.choice([1, 5, 10, 10])
    return Scenario(
        rows=rows,
        good=good,
        settings=Settings(batch_size=size, bulk=size > 1, concurrency=chance.choice([1, 4, 16])),
        options=conditions(chance, seed) | {"faults": tuple(_faults(chance)), "includes": others.choice(INCLUDES)},
        kills=[(chance.randint(1, 40), chance.uniform(0.5, 600)) for _ in range(chance.randint(0, 3))],
        sorts=chance.random() < 0.2,
        marker=chance.choice(["off", "off", "note"]),
    )


def conditions(chance: Random, seed: int) -> dict[str, Any]:
    """Return how the server is made, faults aside."""
    return {
        "seed": seed,
        "latency": chance.choice([(10, 100), (50, 400), (1, 3_000)]),
        "pointers": chance.choice(["plain", "indexed"]),
        "order": chance.choice(["same", "shuffled"]),
        "atomicity": chance.choice(["atomic", "atomic", "partial"]),
        "max_bulk": chance.choice([100, 100, 7]),
        "reset": chance.choice(["x-ratelimit-reset", "retry-after", "none"]),
    }


def _row(chance: Random, at: int) -> tuple[Any, ...]:
    """Return a time entry: some are copies of others, some differ in the note only, some are refused, here or there."""
    place = chance.randrange(at + 1) if chance.random() < 0.2 else at
    day = f"2026-{1 + place % 3:02}-{1 + place % 9:02}"
    fate = chance.random()
    if fate < 0.02:
        day = "soon"
    person = 999_999 if 0.02 < fate < 0.05 else PERSON
    return (day, 30 + place % 7 * 15, person, SERVICE, f"work no. {place}")


def _shared(chance: Random, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row that may differ from others only in whose time it is, which answers do not tell by themselves."""
    if row[0] == "soon" or row[2] not in PEOPLE or chance.random() < 0.5:
        return row
    return ("2026-04-01", 60, chance.choice(PEOPLE), SERVICE, "Daily")


LOST = tuple(
    {"kind": kind}
    for kind in (
        FaultKind.DROP_BEFORE_COMMIT,
        FaultKind.DROP_AFTER_COMMIT,
        FaultKind.DROP_MID_ANSWER,
        FaultKind.ERROR_BEFORE_COMMIT,
        FaultKind.ERROR_AFTER_COMMIT,
    )
)
"""Faults by which the answer to a write is lost ..."""
GARBLED = tuple({"kind": kind} for kind in (FaultKind.HTML, FaultKind.HTML_AFTER_COMMIT, FaultKind.TRUNCATED_JSON))
"""... or is none that could be read."""


def delayed(chance: Random) -> list[dict[str, Any]]:
    """Return faults by which it takes its time."""
    return [
        {"kind": FaultKind.THROTTLE, "seconds": chance.uniform(1, 20)},
        {"kind": FaultKind.SLOW, "seconds": chance.uniform(5, 90)},
    ]


def _faults(chance: Random) -> list[Rule]:
    kinds: list[dict[str, Any]] = [
        *LOST,
        {"kind": FaultKind.LATE_COMMIT, "seconds": chance.uniform(1, COMMIT_WITHIN - 1)},
        {"kind": FaultKind.SEARCH_LAG, "seconds": chance.uniform(1, VISIBLE_WITHIN - 1)},
        *GARBLED,
        {"kind": FaultKind.SHUFFLED},
        {"kind": FaultKind.MISSING_ITEM},
        {"kind": FaultKind.PARTIAL},
        *delayed(chance),
        {"kind": FaultKind.REVOKE_TOKEN, "times": 1},
    ]
    rules = [
        Rule(path="/time_entries", method=WRITES, probability=chance.uniform(0.02, 0.3), **chance.choice(kinds))
        for _ in range(chance.randint(0, 3))
    ]
    if chance.random() < 0.3:
        kind = chance.choice([FaultKind.DROP_BEFORE_COMMIT, FaultKind.ERROR_BEFORE_COMMIT, FaultKind.TRUNCATED_JSON])
        rules.append(Rule(kind=kind, path="/time_entries", method=LISTS, probability=chance.uniform(0.05, 0.4)))
    return rules


class Simulation(World):
    """A world that is run by a scenario. `trace` grows with every request that arrives."""

    def __init__(self, folder: Path, plan: Scenario) -> None:
        super().__init__(folder, **plan.options)
        self.plan = plan
        (load,) = self.spec.load
        self.spec = replace(self.spec, load=(replace(load, marker=plan.marker),))
        self._digest = blake2b(digest_size=16)
        self.reports: list[Report | HeadraceError] = []
        self._handle = self.sandbox.handle
        self.sandbox.handle = self._traced  # type: ignore[method-assign]  # every request passes here
        self.arrived = 0
        self._watch: tuple[int, asyncio.Event] | None = None

    @property
    def trace(self) -> str:
        return self._digest.hexdigest()

    def _traced(self, method: str, path: str, query: str = "", **more: Any) -> Any:
        reply = self._handle(method, path, query, **more)
        self.arrived += 1
        if self._watch is not None and self.arrived >= self._watch[0]:
            self._watch[1].set()
        self._digest.update(repr((more["now"], method, path, query, more["body"], reply.status, reply.body)).encode())
        return reply

    def play(self) -> Report:
        """Kill as planned, then run until the import is done; return the last report."""
        self.write_sources()
        for requests, seconds in self.plan.kills:
            self._kill(requests, seconds)
            if self.plan.sorts:
                write_csv(self.folder / "hours.csv", sorted(self.plan.rows, key=str))
        for _ in range(MOST_RUNS):
            try:
                report = self._run_once()
            except HeadraceError as error:
                self.reports.append(error)
                self._heal(error)
                continue
            self.reports.append(report)
            if report.exit_code in {0, 3, 4} and report.summary.not_attempted == 0:
                return report
            self._heal(report.reason)
        raise AssertionError(f"not done after {MOST_RUNS} runs: {self.reports}")

    def write_sources(self) -> None:
        write_csv(self.folder / "hours.csv", self.plan.rows)

    def _client(self, **more: Any) -> Client:
        return simulated_client(self.sandbox, self.plan.settings, provider=self.plan.provider, **more)

    def _run_once(self) -> Report:
        async def main() -> Report:
            self.wait()
            async with self._client() as client:
                return await client.run(self.spec, checkpoint=self.checkpoint, results=self.results)

        return virtual_time.run(main)

    def _heal(self, reason: HeadraceError | None) -> None:
        """Give a valid token where one is asked for; a fault that has ended a run does not strike the next one."""
        if isinstance(reason, CredentialsError):
            self.sandbox.credentials = Credentials(self.options.token, self.options.organization)
        if len(self.reports) > 4:
            self.sandbox.arm(())

    def _kill(self, requests: int, seconds: float) -> None:
        """Run, and leave the files as SIGKILL does after so many requests, or so many seconds."""
        virtual_time.run(self._killed, self.arrived + requests, seconds)

    async def _killed(self, requests: int, seconds: float) -> None:
        self.wait()
        dead: list[bool] = []
        snapshot = self.folder / "snapshot"
        async with self._client(is_dead=lambda: bool(dead)) as client:
            running = asyncio.create_task(client.run(self.spec, checkpoint=self.checkpoint, results=self.results))
            self._watch = (requests, asyncio.Event())
            await asyncio.wait(
                [running, asyncio.create_task(self._watch[1].wait())], timeout=seconds, return_when="FIRST_COMPLETED"
            )
            shutil.copytree(self.folder, snapshot, ignore=shutil.ignore_patterns("snapshot"))
            dead.append(True)
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # it may have ended by itself; whatever it says, it was killed
        restore(self, snapshot)

    def judge(self, report: Report) -> None:
        """Compare everything that was reported with what the sandbox holds."""
        summary, audit = report.summary, self.sandbox.audit.report(self.sandbox.store, self.sandbox.api.identify)
        assert summary.counts.is_conserved
        assert (summary.rows, summary.not_attempted) == (len(self.plan.rows), 0)
        assert (summary.in_doubt, summary.duplicated) == (0, 0), self.doubts()
        entries = self.sandbox.store.table("time_entries").values()
        by_id = {str(one.id): (unmarked(one.attributes["note"]), one.links["person"]) for one in entries}
        assert Counter(by_id.values()) == self.plan.good
        assert summary.done == self.plan.good.total()
        success = read_csv(self.results / "time_entries.success.csv") if summary.done else []
        assert len(success) == summary.done
        assert {row["remote_id"]: (row["note"], int(row["person_id"])) for row in success} == by_id
        assert not (self.results / "time_entries.in-doubt.csv").exists()
        assert audit["throttled"] <= audit["faults"].get("throttle", 0), "a 429 of our own making"

    def doubts(self) -> Any:
        file = self.results / "time_entries.in-doubt.csv"
        return file.read_text() if file.exists() else "no file"


def killed(world: World, after: int, settings: Settings | None = None, provider: Provider | None = None) -> None:
    """Run until the sandbox has stored so many more records, and leave things as SIGKILL at that moment would."""
    most = len(world.stored) + after

    async def stored(running: "asyncio.Task[Any]") -> None:
        while len(world.stored) < most and not running.done():  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.003)

    killed_when(stored, world, "run", settings, provider)


def killed_when(
    moment: Callable[["asyncio.Task[Any]"], Awaitable[Any]],
    world: World,
    verb: str,
    settings: Settings | None = None,
    provider: Provider | None = None,
) -> None:
    """Run or retry, and leave the files as SIGKILL at that moment would."""

    async def main() -> None:
        world.wait()
        dead: list[bool] = []
        snapshot = world.folder / "snapshot"
        async with simulated_client(world.sandbox, settings, provider=provider, is_dead=lambda: bool(dead)) as client:
            places = {"checkpoint": world.checkpoint, "results": world.results}
            act = client.run(world.spec, **places) if verb == "run" else client.retry(**places)
            running = asyncio.create_task(act)
            await moment(running)
            shutil.copytree(world.folder, snapshot, ignore=shutil.ignore_patterns("snapshot"))
            dead.append(True)
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # it may have ended by itself; whatever it says, it was killed
        restore(world, snapshot)

    virtual_time.run(main)


def unmarked(note: str) -> str:
    return note.split("\nhr-", maxsplit=1)[0]


def restore(world: World, snapshot: Path) -> None:
    """Put the files back as they were: what the cancelled run wrote on its way out never happened."""
    for path in world.folder.iterdir():
        if path != snapshot and path.name.startswith("hours."):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in snapshot.iterdir():
        path.rename(world.folder / path.name)
    snapshot.rmdir()
