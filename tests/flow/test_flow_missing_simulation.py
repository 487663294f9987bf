"""Missing records under kills, lost answers, late commits and searches that lag: each name exactly once, in the end."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flow_simulation import COMMIT_WITHIN, LISTS, VISIBLE_WITHIN, WRITES, Scenario, Simulation, conditions, killed_when
from flow_world import read_csv
from msgspec.structs import replace
from test_flow_families import spec_of
from test_flow_migration import retried
from test_flow_missing import COMPANIES, FIXTURE, all_companies, clients, companies, owners, staff
from test_flow_verify import verified

from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule

SEEDS = range(int(os.environ.get("HEADRACE_MISSING_SEEDS", "40")))
"""A soak sets the variable."""


def scenario(seed: int) -> Scenario:
    """Return an import of projects with few or many clients, some of whom are there, under faults and kills."""
    chance = Random(seed)
    names = [*FIXTURE, *(f"Client {at}" for at in range(chance.choice([3, 12, 40])))]
    spell = [str.upper, str.lower, str.title, str]
    rows = [(f"P{at}", chance.choice(spell)(chance.choice(names))) for at in range(chance.randint(30, 60))]
    return Scenario(
        rows=rows,
        good=None,  # type: ignore[arg-type]  # that of time entries
        settings=Settings(concurrency=chance.choice([1, 4, 16]), canary=chance.random() < 0.2),
        options=conditions(chance, seed) | {"faults": tuple(faults(chance))},
        kills=[(chance.randint(1, 60), chance.uniform(0.5, 400)) for _ in range(chance.randint(1, 4))],
        sorts=chance.random() < 0.4,
        marker="off",
    )


def faults(chance: Random) -> list[Rule]:
    kinds: list[dict[str, Any]] = [
        {"kind": FaultKind.DROP_BEFORE_COMMIT},
        {"kind": FaultKind.DROP_AFTER_COMMIT},
        {"kind": FaultKind.DROP_MID_ANSWER},
        {"kind": FaultKind.ERROR_AFTER_COMMIT},
        {"kind": FaultKind.LATE_COMMIT, "seconds": chance.uniform(1, COMMIT_WITHIN - 1)},
        {"kind": FaultKind.HTML_AFTER_COMMIT},
        {"kind": FaultKind.TRUNCATED_JSON},
        {"kind": FaultKind.SLOW, "seconds": chance.uniform(5, 90)},
    ]
    seconds = chance.uniform(1, VISIBLE_WITHIN - 1)
    lag = Rule(kind=FaultKind.SEARCH_LAG, path="/companies", method=WRITES, seconds=seconds)
    rules = [
        Rule(path=path, method=WRITES, probability=chance.uniform(0.02, 0.4), **chance.choice(kinds))
        for path in ("/companies", "/companies", "/projects")
    ]
    lost = Rule(kind=FaultKind.DROP_BEFORE_COMMIT, path="/companies", method=LISTS, probability=0.2)
    return [*rules, *([lag] if chance.random() < 0.6 else []), *([lost] if chance.random() < 0.3 else [])]


class Missing(Simulation):
    """A world in which clients are missing."""

    def __init__(self, folder: Path, plan: Scenario) -> None:
        super().__init__(folder, plan)
        self.spec = spec_of(clients(folder, plan.rows))

    def write_sources(self) -> None:
        clients(self.folder, self.plan.rows)

    def _kill(self, requests: int, seconds: float) -> None:
        super()._kill(requests, seconds)
        if self.plan.sorts:
            clients(self.folder, sorted(self.plan.rows, key=lambda row: row[::-1]))

    def judge(self, report: Report) -> None:
        """Every missing name is one company, every project one of the right client; all is told so."""
        rows, audit = self.plan.rows, self.sandbox.audit.report(self.sandbox.store, self.sandbox.api.identify)
        missing = {name.casefold() for _, name in rows} - {name.casefold() for name in FIXTURE}
        there = {name.casefold() for _, name in rows} - missing
        told = {one.name: one for one in report.summary.loads}
        assert report.summary.counts.is_conserved
        assert (report.exit_code, audit["duplicates"], audit["throttled"]) == (0, 0, 0)
        assert sorted(name.casefold() for name in companies(self).elements()) == sorted(missing)
        clients_of = {code: name.casefold() for code, name in owners(self).items()}
        assert clients_of == {code: name.casefold() for code, name in rows}
        assert (told[COMPANIES].done, told[COMPANIES].skipped) == (len(missing), len(there))
        assert told["projects"].done == len(rows)
        listed = read_csv(self.results / f"{COMPANIES}.success.csv") if missing else []
        ids = {one.attributes["name"].casefold(): str(one.id) for one in all_companies(self)}
        assert {one["name"].casefold(): one["remote_id"] for one in listed} == {name: ids[name] for name in missing}
        found = verified(self)
        assert (found.differing, found.missing) == (0, 0)
        assert found.checked + found.changed == len(missing) + len(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_missing_name_is_there_once(seed: int, tmp_path: Path) -> None:
    """Killed up to four times while answers are lost, and sorted in between: no name twice, none left out."""
    world = Missing(tmp_path, scenario(seed))
    world.judge(world.play())


def test_one_seed_one_trace(tmp_path: Path) -> None:
    """The same seed takes the same course, to the byte."""
    traces = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world = Missing(tmp_path / name, scenario(11))
        world.play()
        traces.append(world.trace)
    assert traces[0] == traces[1]


LOST = (
    Rule(path="/companies", method=WRITES, kind=FaultKind.DROP_AFTER_COMMIT, probability=0.4),
    Rule(path="/companies", method=WRITES, kind=FaultKind.SEARCH_LAG, seconds=VISIBLE_WITHIN - 1),
)


@pytest.mark.parametrize("arrived", range(1, 25))
def test_killed_at_every_request(arrived: int, tmp_path: Path) -> None:
    """Killed after the first request, after the second, and so on, and once more later: the same, at every step."""
    rows = [(f"P{at}", ["one", "TWO", "Two", "Three", "Globex", "three"][at % 6]) for at in range(12)]
    plan = scenario(arrived)
    options = {"seed": arrived, "latency": (10, 100), "faults": LOST, "atomicity": "atomic"}
    settings = Settings(concurrency=1 + arrived % 4)
    kills = [(arrived, 10_000.0), (2 + arrived % 5, 10_000.0)]
    world = Missing(tmp_path, replace(plan, rows=rows, options=options, settings=settings, kills=kills, sorts=True))
    world.judge(world.play())


@pytest.mark.parametrize("arrived", range(1, 9))
def test_a_retry_killed_at_every_request(arrived: int, tmp_path: Path) -> None:
    """Refused names that were repaired are sent again, killed meanwhile, and sent again: each is there once."""
    rows = [("One", "x@new.example", 999), ("Two", "y@new.example;X@new.example", 999), ("Three", "z@new.example", 102)]
    slow = Rule(path="/people", method=WRITES, kind=FaultKind.DROP_AFTER_COMMIT, every=2)
    world = Simulation(tmp_path, replace(scenario(1), options={"latency": (10, 100), "faults": (slow,)}))
    world.spec = spec_of(staff(tmp_path, rows))
    assert world.run(Settings(concurrency=1)).summary.rejected == 2
    file = world.results / "missing-people-by-email.rejects.csv"
    file.write_text(file.read_text().replace("999", "102"))

    most = world.arrived + arrived

    async def moment(running: "asyncio.Task[Any]") -> None:
        while world.arrived < most and not running.done():  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.003)

    killed_when(moment, world, "retry", Settings(concurrency=1))
    report = retried(world)
    assert (report.exit_code, report.summary.rejected, report.summary.in_doubt) == (0, 0, 0)
    mails = Counter(one.attributes["email"].casefold() for one in world.sandbox.store.table("people").values())
    assert {mail: mails[mail] for mail in mails if "@new" in mail} == dict.fromkeys(
        ("x@new.example", "y@new.example", "z@new.example"), 1
    )
