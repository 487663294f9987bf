"""Tables: figures as text for people, and as JSON for programs."""

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from benchmarks.measure import Figure, Table

_LIBRARIES: Final = ("headrace", "aiohttp", "anyio", "msgspec", "orjson")

_COLUMNS: Final[Mapping[str, Callable[[Figure], str]]] = {
    "rows": lambda figure: f"{figure.rows:,}",
    "rows/s": lambda figure: f"{figure.rows_per_second:,.0f}",
    "CPU us/row": lambda figure: f"{figure.cpu_us_per_row:,.2f}",
    "speed": lambda figure: f"{figure.speed:.2f}",
    "lean": lambda figure: f"{figure.lean:.2f}",
    "peak MiB": lambda figure: "" if figure.peak_mib is None else f"{figure.peak_mib:.1f}",
}

LEGEND: Final = """\
All figures are medians over the rounds. rows/s is wall time, CPU us/row the process's own CPU time (the servers are
processes of their own). speed and lean compare with the first line of the table, round by round: speed by wall time,
lean by CPU time; above 1 is better. peak MiB is the most resident memory of a process that did nothing else.
"""


def drawn(table: Table) -> str:
    """Return `table` as text."""
    names = ["", *(figure.name for figure in table.figures)]
    columns = [names, *([title, *map(show, table.figures)] for title, show in _COLUMNS.items())]
    kept = [column for column in columns if any(column[1:])]
    widths = [max(map(len, column)) for column in kept]
    lines = ["  ".join(_aligned(cells, widths)) for cells in zip(*kept, strict=True)]
    return "\n".join([f"{table.name}: {table.about}", *map(str.rstrip, lines), ""])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return a line's cells at their widths: the name to the left, figures to the right."""
    return [
        cell.rjust(width) if place else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def write(path: Path, tables: Sequence[Table], **options: Any) -> None:
    """Write `tables` to `path` as JSON, with what they were made on and with."""
    machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    libraries = {name: version(name) for name in _LIBRARIES}
    document = {"options": options, "machine": machine, "libraries": libraries, "tables": tables}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
