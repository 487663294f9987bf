"""Measuring: cases run in interleaved rounds, and what a round of one costs. Every benchmark stands on this.

The speed of a machine drifts by half over minutes, so absolute figures compare only within one table, and a ratio is
the median of the ratios of each round, whose cases ran one after the other.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct


class Sample(Struct, frozen=True, kw_only=True):
    """One measured run: `seconds` on the wall, `cpu` seconds of the whole process, `peak` its resident MiB or None."""

    rows: int
    seconds: float
    cpu: float
    peak: float | None = None


class Case(Struct, frozen=True):
    """One thing to measure, under the name that its line in the table has."""

    name: str
    run: Callable[[], Sample]


class Figure(Struct, frozen=True, kw_only=True):
    """What a case came to: medians over the rounds.

    `speed` is rows per second over those of the baseline, `lean` the same by CPU time, which other processes on the
    machine disturb less: above 1 is better than the baseline, below is worse.
    """

    name: str
    rows: int
    rows_per_second: float
    cpu_us_per_row: float
    speed: float
    lean: float
    peak_mib: float | None


class Table(Struct, frozen=True, kw_only=True):
    """The figures of one benchmark. The first is the baseline; `about` says what is measured."""

    name: str
    about: str
    figures: tuple[Figure, ...]


def timed(work: Callable[[], int]) -> Sample:
    """Run `work`, which returns how many rows it did, in this process."""
    seconds, cpu = time.perf_counter(), time.process_time()
    rows = work()
    return Sample(rows=rows, seconds=time.perf_counter() - seconds, cpu=time.process_time() - cpu)


def compare(cases: Sequence[Case], rounds: int) -> tuple[Figure, ...]:
    """Run all cases, the baseline first among them, in `rounds` rounds; each round begins with another case."""
    samples: list[list[Sample]] = [[] for _ in cases]
    for turn in range(rounds):
        for place in _rotated(range(len(cases)), turn):
            samples[place].append(cases[place].run())
    return tuple(_figure(case.name, own, samples[0]) for case, own in zip(cases, samples, strict=True))


def _rotated(places: Sequence[int], turn: int) -> Sequence[int]:
    start = turn % len(places)
    return [*places[start:], *places[:start]]


def _figure(name: str, own: Sequence[Sample], baseline: Sequence[Sample]) -> Figure:
    pairs = list(zip(own, baseline, strict=True))
    peaks = [sample.peak for sample in own if sample.peak is not None]
    return Figure(
        name=name,
        rows=own[0].rows,
        rows_per_second=statistics.median(sample.rows / sample.seconds for sample in own),
        cpu_us_per_row=statistics.median(sample.cpu / sample.rows for sample in own) * 1e6,
        speed=statistics.median((one.rows / one.seconds) / (base.rows / base.seconds) for one, base in pairs),
        lean=statistics.median((base.cpu / base.rows) / (one.cpu / one.rows) for one, base in pairs),
        peak_mib=statistics.median(peaks) if peaks else None,
    )


def peak_mib() -> float:
    """Return the most memory this process has had, resident, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage also counts what the parent had when it started us.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)
