"""The options of a run of the benchmarks, as every benchmark gets them."""

from pathlib import Path

from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """How much to measure.

    `rows` are those of a file, `rounds` how often each case runs; `is_full` lets growth go up to a million rows.
    Files are made in `folder`, which is empty at first.
    """

    rows: int
    rounds: int
    is_full: bool
    folder: Path
