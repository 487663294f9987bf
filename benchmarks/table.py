"""Tables: figures as text for people, and as JSON for programs."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec
from benchmarks.live import COLUMNS as LIVE
from benchmarks.live import Ride, Rides
from benchmarks.measure import Figure, Table
from benchmarks.standing import COLUMNS, Absent, Ranking, Standing

_LIBRARIES: Final = ("headrace", "aiohttp", "aiolimiter", "anyio", "msgspec", "orjson")
_COMPARED: Final = ("limits", "pyrate-limiter", "throttled-py")
"""Those of the extra `bench`, which need not be there."""

_FIGURE: Final[Mapping[str, Callable[[Figure], str]]] = {
    "rows": lambda figure: f"{figure.rows:,}",
    "rows/s": lambda figure: f"{figure.rows_per_second:,.0f}",
    "CPU us/row": lambda figure: f"{figure.cpu_us_per_row:,.2f}",
    "speed": lambda figure: f"{figure.speed:.2f}",
    "lean": lambda figure: f"{figure.lean:.2f}",
    "peak MiB": lambda figure: "" if figure.peak_mib is None else f"{figure.peak_mib:.1f}",
}

_ABSENT: Final[Mapping[str, Callable[[Absent], str]]] = {next(iter(COLUMNS)): lambda _: "not installed"}

_COLUMNS: Final[Mapping[type, Mapping[str, Callable[[Any], str]]]] = {
    Figure: _FIGURE,
    Standing: COLUMNS,
    Ride: LIVE,
    Absent: _ABSENT,
}
"""What a table shows of each kind of figure. The first in a table says which columns there are."""

LEGEND: Final = """\
All figures are medians over the rounds. rows/s is wall time, CPU us/row the process's own CPU time (the servers are
processes of their own). speed and lean compare with the first line of the table, round by round: speed by wall time,
lean by CPU time; above 1 is better. peak MiB is the most resident memory of a process that did nothing else.

In the tables of `budget` time is virtual. x T(k) compares the last send with the shortest time that the limits allow:
below 1 they were broken. in 10 s and in 1800 s are the most requests that arrived in any such window. bucket to log
are the 429s of a server that counts in that way, at the worst of its phases; counter, 10 s leaves the long window out.
us/permit is CPU time while 100 and while 10,000 wait, ~ where it was cut short after 3 s of it. CPU s is the time that
the simulation of the whole line took.

In the table of `live` time is real. rate is what arrived after the first 10 s, as a part of 10 requests a second.
"""


def drawn(table: Table | Ranking | Rides) -> str:
    """Return `table` as text."""
    names = ["", *(figure.name for figure in table.figures)]
    titles = _COLUMNS[type(table.figures[0])]
    columns = [names, *([title, *(_cell(figure, title) for figure in table.figures)] for title in titles)]
    kept = [column for column in columns if any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    lines = ["  ".join(_aligned(cells, widths)) for cells in zip(*kept, strict=True)]
    return "\n".join([f"{table.name}: {table.about}", *map(str.rstrip, lines), ""])


def _cell(figure: Figure | Standing | Ride | Absent, title: str) -> str:
    """Return what the column of this title says of `figure`: nothing where it has no such column."""
    show = _COLUMNS[type(figure)].get(title)
    return "" if show is None else show(figure)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return a line's cells at their widths: the name to the left, figures to the right."""
    return [
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def write(path: Path, tables: Sequence[Table | Ranking | Rides], **options: Any) -> None:
    """Write `tables` to `path` as JSON, with what they were made on and with."""
    machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    libraries = {name: version(name) for name in _LIBRARIES} | dict(_compared())
    document = {"options": options, "machine": machine, "libraries": libraries, "tables": tables}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _compared() -> Iterator[tuple[str, str]]:
    """Yield name and version of the compared libraries that are installed."""
    for name in _COMPARED:
        with suppress(PackageNotFoundError):
            yield name, version(name)
