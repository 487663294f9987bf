"""The benchmarks of headrace: `python -m benchmarks [intake encode path memory budget]`, from the repository's root.

`live` runs only when it is named: it takes two minutes of real time (see `benchmarks.live`).

They measure and judge nothing: tables for people on stdout, with `--json FILE` the same for programs.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from benchmarks.live import Rides
from benchmarks.measure import Table
from benchmarks.options import Options
from benchmarks.standing import Ranking

from benchmarks import budget, encode, intake, live, memory, path, table

Shown: TypeAlias = Table | Ranking | Rides

BENCHMARKS: Final[Mapping[str, Callable[[Options], Shown | Iterable[Shown]]]] = {
    "intake": intake.measure,
    "encode": encode.measure,
    "path": path.measure,
    "memory": memory.measure,
    "budget": budget.measure,
    "live": live.measure,
}
"""Where a new benchmark is added, in one line."""
ASKED_FOR: Final = frozenset({"live"})
"""Those that take their time, in real seconds, and run only when they are named."""

QUICK_ROWS: Final = 20_000
FULL_ROWS: Final = 100_000


def main() -> None:
    """Measure what is asked for, by default everything at a quick size."""
    given = _parser().parse_args()
    rows = given.rows or (FULL_ROWS if given.full else QUICK_ROWS)
    names = given.names or [name for name in BENCHMARKS if name not in ASKED_FOR]
    print(table.LEGEND)
    with TemporaryDirectory(prefix="headrace-benchmarks-") as folder:
        options = Options(rows=rows, rounds=given.rounds, is_full=given.full, folder=Path(folder))
        tables = list(_shown(names, options))
    if given.json is not None:
        table.write(given.json, tables, rows=rows, rounds=given.rounds, full=given.full)


def _shown(names: list[str], options: Options) -> Iterator[Shown]:
    """Yield the tables of the benchmarks called so, each printed as soon as it is there."""
    for name in names:
        measured = BENCHMARKS[name](options)
        for one in (measured,) if isinstance(measured, Table | Ranking | Rides) else measured:
            print(table.drawn(one), flush=True)
            yield one


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure headrace on this machine.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_name, help=f"of {', '.join(BENCHMARKS)}; default: all but live"
    )
    parser.add_argument("--rows", type=_count, metavar="N", help=f"rows in a file, by default {QUICK_ROWS:,}")
    parser.add_argument("--rounds", type=_count, default=3, metavar="N", help="rounds of each case, by default 3")
    parser.add_argument(
        "--full", action="store_true", help=f"{FULL_ROWS:,} rows, memory up to 1,000,000 and budget to 100,000"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"there is no benchmark {text!r}, only {', '.join(BENCHMARKS)}")
    return text


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


main()
