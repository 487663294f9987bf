"""The screen: stdout and stderr as rich consoles. Nothing that a stranger wrote is markup."""

import sys
from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.text import clean


class Screen(Console):
    """A console whose reader may leave: that ends the output, and not the program as rich would have it."""

    def on_broken_pipe(self) -> None:
        """Leave it to `terminal.surviving`."""
        raise BrokenPipeError


def console(*, talk: bool) -> Screen:
    """Return the console on stderr, for talk, or on stdout, for data. NO_COLOR and dumb terminals are respected."""
    return Screen(stderr=talk, highlight=False, markup=False, emoji=False, soft_wrap=True)


def show(*lines: Text | str) -> None:
    """Write lines of data to stdout."""
    with terminal.surviving(sys.stdout):
        out = console(talk=False)
        for line in lines:
            out.print(plain(line) if isinstance(line, str) else line)
        sys.stdout.flush()


def plain(text: object, style: str = "") -> Text:
    """Return `text`, whoever wrote it, as text and nothing else."""
    return Text(clean(text), style=style)


def aligned(rows: Sequence[Sequence[Text | str]], *, right: frozenset[int] = frozenset()) -> list[Text]:
    """Return `rows` as lines whose cells stand in columns, two blanks apart; those in `right` are flush right.

    Cells are never cut, so that what is piped elsewhere is complete.
    """
    cells = [[plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths = [
        max((cell_len(cell.plain) for cell in column if cell), default=0)
        for column in zip_longest(*cells, fillvalue=Text())
    ]
    return [_line(row, widths, right) for row in cells]


def _line(row: Sequence[Text], widths: Sequence[int], right: frozenset[int]) -> Text:
    line = Text()
    for place, (cell, width) in enumerate(zip(row, widths, strict=False)):
        gap = " " * (width - cell_len(cell.plain))
        line.append("  " if place else "")
        line.append_text(Text.assemble(gap, cell) if place in right else Text.assemble(cell, gap))
    line.rstrip()
    return line
