"""Verification: what an import has left, read back in pages and compared field by field with what its sources say.

A row that says something else now than what was sent is told as changed, and not compared: its record is looked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from headrace.attaching import OPTION, upload_of
from headrace.comparison import Comparison
from headrace.connection import Connection
from headrace.dispatch.halt import Halt
from headrace.expecting import Expecting, Rows
from headrace.importfile import ImportSpec, recorded
from headrace.ledger import View
from headrace.meter import Meter
from headrace.parents import Parents, earlier_imports
from headrace.resolving import Tables
from headrace.sources import resource_of
from headrace.verified import MOST, Difference, LoadVerified, Verified

_SUMMED: Final = ("checked", "differing", "missing", "changed")


async def verify(
    view: View,
    connection: Connection,
    *,
    attachments: str | Path | None = None,
    rows: Rows | None = None,
) -> Verified:
    """Read back what the import of a checkpoint has left. Writes nothing anywhere.

    Loads of files are left out unless `attachments` is the folder that they were in; `rows` are those of a load that a
    program gave them to, once more. Raises `HeadraceError` where a source or the provider cannot be read.
    """
    spec = recorded(view.definition)
    connection = connection.fitted(spec)
    meter = Meter(connection.budget, connection.outside.clock)
    begun = {load.name for load in view.loads}
    left_out = begun & _files(spec, connection) if attachments is None else set()
    with ExitStack() as resources:
        loads = [
            Expecting(one, place, view, connection, resources, attachments=attachments, rows=rows)
            for place, one in enumerate(spec.in_order)
            if one.title in begun - left_out
        ]
        parents = Parents(view, resources.enter_context(earlier_imports(spec, view)))
        tables = Tables(connection.transport, connection.provider, parents, Halt())
        comparisons = [resources.enter_context(closing(one)) for one in _comparisons(loads, connection)]
        for comparison in comparisons:
            await comparison.run(tables)
        found = _in_order(comparisons)
        return Verified(
            import_name=spec.name,
            provider=connection.provider.name,
            requests=meter.spent()["requests"],
            seconds=round(meter.seconds, 3),
            loads=tuple(found),
            differences=tuple(_differences(loads, comparisons)[:MOST]),
            changed_rows=tuple(one for load in loads for one in load.changed_rows)[:MOST],
            minutes=tuple(one for comparison in comparisons for one in comparison.minutes),
            notices=(
                *connection.notices,
                *(one for comparison in comparisons for one in comparison.notices()),
                *(f"{title}: files are compared with {OPTION} only" for title in sorted(left_out)),
                *_unsettled(view),
            ),
            **{name: sum(getattr(one, name) for one in found) for name in _SUMMED},
        )


def _unsettled(view: View) -> Iterator[str]:
    """Yield what cannot be compared, because nobody knows of it yet or it has not been sent."""
    for load in view.loads:
        counts = view.counts(load.name)
        for many, word in ((counts.in_doubt, "in doubt"), (counts.not_attempted, "not sent yet")):
            if many:
                rows = "1 row is" if many == 1 else f"{many:,} rows are"
                yield f"{load.name}: {rows} {word}, and not compared; `headrace run` goes on there"


def _files(spec: ImportSpec, connection: Connection) -> set[str]:
    """Return the loads of files."""
    return {one.title for one in spec.in_order if upload_of(resource_of(one, connection.provider))}


def _comparisons(loads: Sequence[Expecting], connection: Connection) -> Iterator[Comparison]:
    """Yield a comparison for each resource."""
    for name in dict.fromkeys(one.spec.resource for one in loads):
        yield Comparison([one for one in loads if one.spec.resource == name], connection)


def _in_order(comparisons: Sequence[Comparison]) -> list[LoadVerified]:
    """Return what was found of each load, in the order of the loads."""
    told = {place: one for comparison in comparisons for place, one in comparison.loads()}
    return [told[place] for place in sorted(told)]


def _differences(loads: Sequence[Expecting], comparisons: Sequence[Comparison]) -> list[Difference]:
    """Return what differs, in the order of loads and lines."""
    order = {one.spec.title: one.place for one in loads}
    found = [one for comparison in comparisons for one in comparison.differences]
    return sorted(found, key=lambda one: (order[one.load], one.line or 0))
