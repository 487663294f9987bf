"""The simulation of a whole migration: tasks below tasks, todos below those, changes, and deletions, by one seed.

As `flow_simulation`, but with loads that depend on each other, and with updates that are merged and deletes. `World`'s
sources are `tasks.csv`, `todos.csv`, `changes.csv`, `again.csv` and `gone.csv`.
"""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from flow_simulation import COMMIT_WITHIN, GARBLED, LOST, VISIBLE_WITHIN, Scenario, Simulation, conditions, delayed
from flow_world import PERSON, write_csv

from headrace.importfile import ImportSpec
from headrace.migration import Report
from headrace.pipeline import Settings
from headrace.sandbox.faults import FaultKind, Rule

FIELDS = (70, 71)
"""Custom fields of the sandbox's tasks."""
NOBODY = 999_999


class Family(msgspec.Struct, frozen=True):
    """The rows of the five sources. A task is its number, title, the number of its parent and its assignee."""

    tasks: list[tuple[int, str, int | str, int]]
    todos: list[tuple[int, str, int]]
    changes: list[tuple[int, str, str]]
    again: list[tuple[int, str, str]]
    gone: list[tuple[int]]

    @property
    def good_tasks(self) -> set[int]:
        """The tasks that are valid, accepted, and below such only."""
        own = {no for no, title, _, who in self.tasks if title and who == PERSON}
        parents = {no: parent for no, _, parent, _ in self.tasks}

        def stands(no: int) -> bool:
            return no in own and (parents[no] == "" or stands(int(parents[no])))

        return {no for no in parents if stands(no)}

    @property
    def good_todos(self) -> set[int]:
        """The todos of such tasks."""
        return {no for no, text, task in self.todos if text and task in self.good_tasks}

    @property
    def done(self) -> int:
        """How many rows of all loads are done in the end."""
        changed = sum(task in self.good_tasks for task, *_ in (*self.changes, *self.again))
        return len(self.good_tasks) + len(self.good_todos) + changed + sum(no in self.good_todos for (no,) in self.gone)

    @property
    def custom_fields(self) -> dict[int, dict[str, str]]:
        """What the custom fields of each good task hold in the end: the last that was said of each."""
        found: dict[int, dict[str, str]] = {}
        for task, *values in (*self.changes, *self.again):
            said = {str(field): value for field, value in zip(FIELDS, values, strict=True) if value}
            found[task] = found.get(task, {}) | said
        return {task: held for task, held in found.items() if held and task in self.good_tasks}


def family(chance: Random, other: Random) -> Family:
    count = chance.randint(5, 40)
    order = [*range(count)]
    parents = {no: chance.choice([*range(no)]) if no and chance.random() < 0.6 else "" for no in order}
    chance.shuffle(order)
    tasks = [
        (no, "" if chance.random() < 0.03 else f"task {no}", parents[no], NOBODY if chance.random() < 0.05 else PERSON)
        for no in order
    ]
    todos = [
        (no, "" if chance.random() < 0.03 else f"todo {no}", chance.randrange(count))
        for no in range(chance.randint(0, 40))
    ]
    changes = [
        (chance.randrange(count), chance.choice(["", f"a{at}"]), chance.choice(["", f"b{at}"]))
        for at in range(chance.randint(0, 30))
    ]
    again = [(other.randrange(count), f"c{at}", "") for at in range(other.randint(0, 10))]
    gone = [(no,) for no in range(len(todos)) if chance.random() < 0.3]
    return Family(tasks, todos, changes, again, gone)


def scenario(seed: int) -> tuple[Scenario, Family]:
    chance, other = Random(seed), Random(seed + 1_000_000_000)  # so that what is added leaves a seed's trace as it was
    size = chance.choice([1, 5, 10, 10])
    plan = Scenario(
        rows=[],
        good=Counter(),
        settings=Settings(batch_size=size, bulk=size > 1, concurrency=chance.choice([1, 4, 16])),
        options=conditions(chance, seed) | {"faults": (*_faults(chance), *_late(other))},
        kills=[(chance.randint(1, 60), chance.uniform(0.5, 900)) for _ in range(chance.randint(0, 3))],
        sorts=False,
        marker="off",
    )
    return plan, family(chance, other)


def _faults(chance: Random) -> list[Rule]:
    kinds: list[dict[str, Any]] = [
        *LOST,
        *GARBLED,
        {"kind": FaultKind.SHUFFLED},
        *delayed(chance),
    ]
    rules = [
        Rule(method=("POST", "PATCH", "DELETE"), probability=chance.uniform(0.02, 0.25), **chance.choice(kinds))
        for _ in range(chance.randint(0, 3))
    ]
    if chance.random() < 0.3:
        rules.append(Rule(kind=FaultKind.SEARCH_LAG, method=("POST",), seconds=VISIBLE_WITHIN - 1, probability=0.2))
    return rules


def _late(chance: Random) -> list[Rule]:
    if chance.random() < 0.7:
        return []
    seconds, probability = chance.uniform(1, COMMIT_WITHIN - 1), chance.uniform(0.02, 0.25)
    return [Rule(kind=FaultKind.LATE_COMMIT, method=("POST", "PATCH"), seconds=seconds, probability=probability)]


LOADS: list[dict[str, Any]] = [
    {
        "resource": "tasks",
        "source": "tasks.csv",
        "key": ["no"],
        "fields": {
            "title": "title",
            "project_id": {"value": 501},
            "task_list_id": {"value": 701},
            "assignee_id": "who",
            "parent_task_id": {"column": "parent", "from": "tasks"},
        },
    },
    {
        "resource": "todos",
        "source": "todos.csv",
        "key": ["no"],
        "fields": {"description": "text", "task_id": {"column": "task", "from": "tasks"}},
    },
    {
        "resource": "tasks",
        "name": "changes",
        "source": "changes.csv",
        "operation": "update",
        "fields": {"id": {"column": "task", "from": "tasks"}}
        | {f"custom_fields.{field}": f"field {field}" for field in FIELDS},
    },
    {
        "resource": "tasks",
        "name": "again",
        "source": "again.csv",
        "operation": "update",
        "fields": {"id": {"column": "task", "from": "tasks"}}
        | {f"custom_fields.{field}": f"field {field}" for field in FIELDS},
    },
    {
        "resource": "todos",
        "name": "gone",
        "source": "gone.csv",
        "operation": "delete",
        "fields": {"id": {"column": "no", "from": "todos"}},
    },
]


class FamilySimulation(Simulation):
    """An import of five loads under the conditions of a scenario."""

    def __init__(self, folder: Path, seed: int) -> None:
        plan, self.family = scenario(seed)
        super().__init__(folder, plan)
        for field in FIELDS:
            named = {"name": f"field {field}", "data_type_id": 1, "customizable_type": "tasks"}
            self.sandbox.store.place("custom_fields", named, {}, 0.0, at=field)
        loads = [load | {"source": str(folder / load["source"])} for load in LOADS]
        self.spec = msgspec.convert({"provider": "productive", "name": "family", "load": loads}, ImportSpec)

    def write_sources(self) -> None:
        write_csv(self.folder / "tasks.csv", self.family.tasks, ("no", "title", "parent", "who"))
        write_csv(self.folder / "todos.csv", self.family.todos, ("no", "text", "task"))
        write_csv(self.folder / "changes.csv", self.family.changes, ("task", *(f"field {field}" for field in FIELDS)))
        write_csv(self.folder / "again.csv", self.family.again, ("task", *(f"field {field}" for field in FIELDS)))
        write_csv(self.folder / "gone.csv", self.family.gone, ("no",))

    def judge(self, report: Report) -> None:
        """Compare everything that was reported with what the sandbox holds."""
        summary, family = report.summary, self.family
        assert summary.counts.is_conserved
        assert (summary.not_attempted, summary.in_doubt, summary.duplicated) == (0, 0, 0)
        titles = {no: title for no, title, *_ in family.tasks}
        made = {one.id: one for one in self.sandbox.store.table("tasks").values() if one.id > 1003}
        assert Counter(one.attributes["title"] for one in made.values()) == Counter(
            titles[no] for no in family.good_tasks
        )
        parents = {titles[no]: titles.get(parent) for no, _, parent, _ in family.tasks}  # type: ignore[arg-type]
        for one in made.values():
            above = one.links.get("parent_task")
            assert parents[one.attributes["title"]] == (made[above].attributes["title"] if above else None)
        held = {one.attributes["title"]: one.attributes.get("custom_fields") or {} for one in made.values()}
        assert {title: its for title, its in held.items() if its} == {
            titles[no]: its for no, its in family.custom_fields.items()
        }
        left = family.good_todos - {no for (no,) in family.gone}
        ours = (
            one
            for one in self.sandbox.store.table("todos").values()
            if one.attributes["description"].startswith("todo ")
        )
        assert Counter(one.attributes["description"] for one in ours) == Counter(f"todo {no}" for no in left)
        assert summary.done == family.done
