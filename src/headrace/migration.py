"""One import: its loads in order, one checkpoint, one connection, one report."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from headrace.connection import Connection
from headrace.course import Course, Report, Watch, make_sure
from headrace.feed import AnySource
from headrace.importfile import ImportSpec, check_import, recorded
from headrace.ledger import Checkpoint
from headrace.meter import Meter
from headrace.parents import earlier_imports
from headrace.passage import Passage, prepare
from headrace.pipeline import Settings
from headrace.rejects import RetryPassage

__all__ = ["Report", "Watch", "migrate", "retry"]


async def migrate(
    spec: ImportSpec,
    connection: Connection,
    settings: Settings,
    watch: Watch,
    *,
    checkpoint: Path | None,
    results: Path | None,
    source: AnySource | None = None,
) -> Report:
    """Run an import to its end, or until it is halted; run again with the same checkpoint, it goes on.

    `source` takes the place of the only load's. Raises `HeadraceError` where nothing was begun; what ends a run that
    has begun is the report's `reason`.
    """
    meter = Meter(connection.budget, connection.outside.clock)
    with ExitStack() as resources:
        resources.enter_context(watch.halt.deadline(settings.deadline))
        check_import(spec, connection.provider)
        passages = [
            prepare(
                load,
                connection.provider,
                resources,
                source=source,
                accept_mapping_change=settings.accept_mapping_change,
                attachments=settings.attachments_dir,
                limit=settings.limit,
            )
            for load in spec.in_order
        ]
        # A new checkpoint names its target for good, so a wrong one must show before there is a checkpoint.
        is_new = not _exists(checkpoint)
        if is_new:
            await make_sure(connection, passages[0], watch.halt)
            if watch.halt:
                checkpoint = results = None  # nobody knows yet whether it is the right target: rows are only counted
        opened = resources.enter_context(connection.open(checkpoint, spec, results))
        earlier = resources.enter_context(earlier_imports(spec, opened))
        course = Course(passages, connection, settings, watch, opened, meter=meter, earlier=earlier)
        return await _run(passages, course, is_probed=is_new)


def _exists(checkpoint: Path | None) -> bool:
    return checkpoint is not None and checkpoint.exists()


async def retry(connection: Connection, settings: Settings, watch: Watch, *, checkpoint: Path, results: Path) -> Report:
    """Send what is in the reject files of an import, repaired or not, and nothing else. Raises as `migrate` does."""
    with Checkpoint.read(checkpoint) as view:
        spec = recorded(view.definition)
        connection = connection.fitted(spec)
        begun = {load.name for load in view.loads}
    passages = [
        RetryPassage(load, connection.provider, attachments=settings.attachments_dir, limit=settings.limit)
        for load in spec.in_order
        if load.title in begun
    ]
    meter = Meter(connection.budget, connection.outside.clock)
    with (
        connection.open(checkpoint, spec, results) as opened,
        earlier_imports(spec, opened) as earlier,
        watch.halt.deadline(settings.deadline),
    ):
        course = Course(passages, connection, settings, watch, opened, meter=meter, earlier=earlier)
        return await _run(passages, course)


async def _run(passages: Sequence[Passage], course: Course, *, is_probed: bool = False) -> Report:
    course.publish()
    if passages and not is_probed:
        await course.probe(passages[0])
    await course.run_all()
    return course.report()
