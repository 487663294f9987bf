"""Growth: whether memory stays flat and time stays linear while the file grows tenfold, and tenfold again.

Each run is a process of its own against the sink, in bulk, with checkpoint and results on disk as `headrace run` has
them: an import, the same command again when all is done, and an import whose rows refer to those of an earlier load.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.journey import Journey, travel
from benchmarks.measure import Case, Sample, Table, compare
from benchmarks.options import Options
from benchmarks.processes import FRESH
from benchmarks.servers import sink
from msgspec import Struct

from benchmarks import data
from headrace.intake.rule import Rule
from headrace.loads import LoadSpec

ABOUT: Final = "bulk into the sink, checkpoint and results on disk; baseline: the smallest size, so speed 1 is linear"


class Scene(Struct, frozen=True):
    """One kind of run: its name, and what makes it from a folder and a number of rows."""

    name: str
    run: Callable[[Path, int], Sample]


def measure(options: Options) -> tuple[Table, ...]:
    """Measure every scene at every size."""
    return tuple(
        Table(name=f"memory, {scene.name}", about=ABOUT, figures=compare(list(_cases(scene, options)), options.rounds))
        for scene in SCENES
    )


def sizes(options: Options) -> list[int]:
    """Return the sizes to measure: a tenth of the rows asked for, all of them, and in full ten times as many."""
    return [max(2, options.rows // 10), options.rows, *([options.rows * 10] if options.is_full else [])]


def _cases(scene: Scene, options: Options) -> Iterator[Case]:
    for count in sizes(options):
        yield Case(f"{count:,} rows", partial(scene.run, options.folder, count))


# --- scenes -----------------------------------------------------------------------------------------------------


def _import(folder: Path, count: int) -> Sample:
    loads = (LoadSpec(resource=data.RESOURCE, source=str(_entries(folder, count))),)
    return _travel(folder, loads)


def _again(folder: Path, count: int) -> Sample:
    loads = (LoadSpec(resource=data.RESOURCE, source=str(_entries(folder, count))),)
    return _travel(folder, loads, is_again=True)


def _referring(folder: Path, count: int) -> Sample:
    """Import half as many tasks, and as many time entries that refer to them in another order."""
    half = max(1, count // 2)
    parents, children = folder / f"tasks-{half}.csv", folder / f"children-{half}.csv"
    if not children.exists():
        data.write_parents(parents, half)
        data.write_children(children, half)
    tasks = LoadSpec(resource="tasks", source=str(parents), key=("no",))
    fields = {"task_id": Rule(column="task_id", from_="tasks")}
    return _travel(folder, (tasks, LoadSpec(resource=data.RESOURCE, source=str(children), fields=fields)))


SCENES: Final = (
    Scene("an import", _import),
    Scene("the same again, all done", _again),
    Scene("two loads, the second referring to the first", _referring),
)


def _entries(folder: Path, count: int) -> Path:
    """Return a file of `count` time entries, written when it is first asked for."""
    path = folder / f"rows-{count}.csv"
    return path if path.exists() else data.write_csv(path, data.entries(count))


def _travel(folder: Path, loads: tuple[LoadSpec, ...], *, is_again: bool = False) -> Sample:
    """Make the journey, or the second one with the same checkpoint."""
    with TemporaryDirectory(dir=folder) as name, sink() as place:
        own = Path(name)
        journey = Journey(place=place, loads=loads, checkpoint=own / "benchmark.headrace", results=own / "results")
        if is_again:
            travel(journey)
        return travel(journey, context=FRESH)
