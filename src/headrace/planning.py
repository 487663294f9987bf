"""The plan of an import: what a run of it would do and when it would end, found out without a write.

The import is rehearsed, which gives the exact requests; the live budget says when they would be sent.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from headrace.checking import Located
from headrace.connection import Connection
from headrace.dispatch.forecast import Course, Stage, binding, last_answer
from headrace.importfile import ImportSpec
from headrace.intake.strays import Stray
from headrace.model import WindowUse
from headrace.pipeline import Classes, Settings, classes_of
from headrace.prospects import Lookup
from headrace.provider import effective, promise
from headrace.rehearsal import Sketch, Way, rehearse


class LoadPlan(Struct, frozen=True, kw_only=True):
    """What a run would do for one load.

    `rows` are still to be judged, of which `valid` are sent in `requests` of up to `batch_size`; `settled` rows were
    sent by an earlier run, of which `unknown` have no answer and are looked up. `lookups` are the requests before, for
    names and for the field that carries markers. Of an implied load, whose rows are names, `there` are those of the
    valid ones that some record has, and that take no request. `guarantee` is the kind of promise that resource and
    marker allow, and `promise` its wording: a row is created ...
    """

    name: str
    resource: str
    operation: str
    rows: int
    valid: int
    invalid: int
    settled: int
    unknown: int
    there: int
    lookups: int
    requests: int
    batch_size: int
    guarantee: str
    promise: str


class Alternative(Struct, frozen=True, kw_only=True):
    """The same import sent otherwise: in bulk or not, in batches of `batch_size` (None: of several sizes)."""

    bulk: bool
    batch_size: int | None
    requests: int
    seconds: float


class Plan(Struct, frozen=True, kw_only=True, rename={"import_name": "import"}):
    """What a run would do, if it were begun now and the provider refused no row.

    `rows` are still to be judged; `settled` ones were sent by an earlier run, of which `unknown` have no answer: they
    are looked up, which is not counted here. `requests` are all else that the run sends: the first question, `lookups`
    pages of names, and those of the loads. `seconds` is how long that takes by the live budget, and `binding_limit`
    what it would be quicker without: a limit's name, `concurrency`, or None. `windows` is how much of every limit was
    spent when the plan began, by whoever shares the budget; other processes do where `is_shared`.
    `commit_within` and `visible_within` are the seconds that are waited before a row without an answer is looked up:
    until it is stored, if ever, and until it shows. `names` are those that rows refer to by which there will be no
    record, or several: each once.
    """

    import_name: str
    provider: str
    rows: int
    valid: int
    invalid: int
    settled: int
    unknown: int
    lookups: int
    requests: int
    seconds: float
    binding_limit: str | None
    loads: tuple[LoadPlan, ...]
    tables: tuple[Lookup, ...]
    alternatives: tuple[Alternative, ...]
    windows: tuple[WindowUse, ...]
    is_shared: bool
    commit_within: float
    visible_within: float
    faults: list[Located]
    names: tuple[Stray, ...]
    notices: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The command's exit code: 0 when every row is valid, 3 when some are not."""
        return 3 if self.invalid else 0


_PATIENCE: Final = 3.0
"""Seconds that a plan waits for the budget without a word."""


async def plan(
    spec: ImportSpec,
    connection: Connection,
    settings: Settings,
    *,
    checkpoint: Path | None,
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """Return what a run of `spec` with this `checkpoint` would do. Reads from the provider, writes nothing anywhere.

    `tell` is told where the budget is spent, so that even the first question has to wait. Raises `HeadraceError` where
    the run would not begin either.
    """
    reads = {connection.provider.route("GET", resource.path) for resource in connection.provider.resources}
    wait = min(connection.budget.eta(1, route) for route in reads or {None})
    if tell is not None and wait > _PATIENCE:
        tell(f"the budget is spent: the first question can be asked in {wait:.0f} s")
    windows = connection.budget.statistics().windows
    played = await rehearse(spec, connection, settings, checkpoint=checkpoint)
    sketches, lookups, way = played.sketches, played.lookups, Way(settings)
    classes = [classes_of(connection.provider, one.load.resource, one.load.operation) for one in sketches]
    course = connection.budget.course(*(route for its in classes for route in (its.read, its.write)))
    forecast = _Forecast(sketches, lookups, classes, course)
    quiet = settings.quiet(connection.provider)
    loads = tuple(_load_plan(sketch, _pages(sketch, lookups), way) for sketch in sketches)
    return Plan(
        import_name=spec.name,
        provider=connection.provider.name,
        loads=loads,
        tables=tuple(lookups),
        lookups=sum(lookup.requests for lookup in lookups),
        requests=forecast.requests(way),
        seconds=forecast.seconds(way),
        binding_limit=forecast.binding(way),
        alternatives=tuple(_alternatives(forecast, way)),
        windows=windows,
        is_shared=connection.is_shared,
        commit_within=quiet.commit,
        visible_within=quiet.visible,
        faults=[fault for sketch in sketches for fault in sketch.faults],
        names=played.names,
        notices=(*connection.notices, *played.notices),
        **_sums(loads),
    )


_SUMMED: Final = ("rows", "valid", "invalid", "settled", "unknown")


def _sums(loads: Sequence[LoadPlan]) -> dict[str, Any]:
    return {name: sum(getattr(load, name) for load in loads) for name in _SUMMED}


def _load_plan(sketch: Sketch, pages: int, way: Way) -> LoadPlan:
    resource = sketch.load.resource
    return LoadPlan(
        name=sketch.title,
        resource=resource.name,
        operation=sketch.load.operation,
        rows=sketch.rows,
        valid=sketch.valid + sketch.there,
        invalid=sketch.rows - sketch.valid - sketch.there,
        there=sketch.there,
        settled=sketch.read - sketch.rows,
        unknown=sketch.unknown,
        lookups=pages,
        requests=sketch.requests(way),
        batch_size=sketch.batch_size(way),
        guarantee=type(effective(resource, sketch.marker, sketch.load.operation)).__name__,
        promise=promise(resource, sketch.load.operation, sketch.marker),
    )


def _pages(sketch: Sketch, lookups: Sequence[Lookup]) -> int:
    return sum(lookup.requests for lookup in lookups if lookup.load == sketch.title)


def _alternatives(forecast: "_Forecast", chosen: Way) -> Iterator[Alternative]:
    """Yield the other ways to send the same rows that take another number of requests."""
    own = Way(replace(chosen.settings, bulk=True, batch_size=None), heeds_loads=False)
    singly = Way(replace(chosen.settings, bulk=False))
    requests = forecast.requests(chosen)
    for way in (own, singly):
        if forecast.requests(way) != requests:
            sizes = {sketch.batch_size(way) for sketch in forecast.sketches}
            largest = max(sizes)
            yield Alternative(
                bulk=way.settings.bulk,
                batch_size=largest if sizes <= {1, largest} else None,
                requests=forecast.requests(way),
                seconds=forecast.seconds(way),
            )


class _Forecast(Struct, frozen=True):
    """What was counted, and the live budget that it is to be sent by."""

    sketches: Sequence[Sketch]
    lookups: Sequence[Lookup]
    classes: Sequence[Classes]
    course: Course

    def requests(self, way: Way) -> int:
        return sum(stage.requests for stage in self.stages(way))

    def seconds(self, way: Way) -> float:
        return round(last_answer(self.stages(way), self.course), 3)

    def stages(self, way: Way) -> list[Stage]:
        """Return what a run sends: a question, then for each load the names, page after page, and the rows."""
        writers = way.settings.concurrency
        stages = [Stage(1, 1, its.read) for its in self.classes[:1]]
        for one, its in zip(self.sketches, self.classes, strict=True):
            stages.append(Stage(_pages(one, self.lookups), 1, its.read))
            stages.append(Stage(one.requests(way), writers, its.write))
        return stages

    def binding(self, way: Way) -> str | None:
        """Return what the run would be quicker without: a limit, or that only so many requests are under way."""
        limit = binding(self.stages(way), self.course)
        freed = self.course if limit is None else self.course.without(limit)
        freely = Way(replace(way.settings, concurrency=_UNBOUNDED))
        is_soonest = last_answer(self.stages(freely), self.course) < last_answer(self.stages(way), freed) - _NOTICED
        return "concurrency" if is_soonest else limit


_UNBOUNDED: Final = 1_000_000
_NOTICED: Final = 0.01
"""Seconds that more requests at once must save to be named."""
