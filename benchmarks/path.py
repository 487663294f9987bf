"""The whole path: a file through `Client.run` into a server, rate limits off, in bulk and row by row.

Each run is a process of its own, with a fresh checkpoint, against a fresh server. The sink answers faster than any
client sends; the shipped sandbox checks and stores what it gets, and is the slower side of the pair. The processes
are forked and share what they do not touch, so their peaks are a few MiB below those of `memory`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.journey import Journey, travel
from benchmarks.measure import Case, Sample, Table, compare
from benchmarks.options import Options
from benchmarks.servers import Serving, sandbox, sink
from msgspec import Struct

from benchmarks import data
from headrace.loads import LoadSpec

SINGLE_PART: Final = 10
"""A request costs about as much with one row as with fifty, so fewer rows are sent one by one."""

ABOUT: Final = "no limits, 16 requests at once; baseline: aiohttp alone, sending the same bodies encoded beforehand"


class Way(Struct, frozen=True, kw_only=True):
    """One way to send a file: what is kept on disk meanwhile, or nothing of ours at all."""

    name: str
    is_bare: bool = False
    has_checkpoint: bool = False
    has_results: bool = False


BARE: Final = Way(name="bare aiohttp", is_bare=True)
WHOLE: Final = Way(name="headrace, checkpoint and results on disk", has_checkpoint=True, has_results=True)
WAYS: Final[Mapping[Serving, Sequence[Way]]] = {
    sink: (
        BARE,
        Way(name="headrace, checkpoint in memory"),
        Way(name="headrace, checkpoint on disk", has_checkpoint=True),
        WHOLE,
    ),
    sandbox: (BARE, WHOLE),
}


def measure(options: Options) -> tuple[Table, ...]:
    """Measure bulk and single rows, each into both servers."""
    many = data.write_csv(options.folder / "many.csv", data.entries(options.rows))
    few = data.write_csv(options.folder / "few.csv", data.entries(max(1, options.rows // SINGLE_PART)))
    return tuple(
        Table(name=f"path, {title} into the {serving.__name__}", about=ABOUT, figures=compare(cases, options.rounds))
        for serving, ways in WAYS.items()
        for title, source, bulk in (("bulk of 100", many, True), ("single rows", few, False))
        for cases in [[Case(way.name, partial(_run, way, source, serving, bulk=bulk)) for way in ways]]
    )


def _run(way: Way, source: Path, serving: Serving, *, bulk: bool) -> Sample:
    with TemporaryDirectory(dir=source.parent) as name, serving() as place:
        folder = Path(name)
        return travel(
            Journey(
                place=place,
                loads=(LoadSpec(resource=data.RESOURCE, source=str(source)),),
                bulk=bulk,
                is_bare=way.is_bare,
                checkpoint=folder / "benchmark.headrace" if way.has_checkpoint else None,
                results=folder / "results" if way.has_results else None,
            )
        )
