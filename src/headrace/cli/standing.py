"""Where an import stands: its checkpoint, read beside whoever is writing it."""

from pathlib import Path

from headrace.cli import terminal
from headrace.cli.report import as_json as facts
from headrace.cli.report import counts_lines
from headrace.cli.screen import plain
from headrace.cli.screen import show as show_lines
from headrace.cli.text import count
from headrace.ledger.summary import summarise
from headrace.ledger.view import read


def show(checkpoint: Path, *, as_json: bool) -> int:
    """Print the counts of the checkpoint; 0. Raises `UsageError` where there is none."""
    with read(checkpoint) as view:
        holder, summary = view.holder, summarise(view)
        unknown = sum(len(one.numbers) for load in view.loads for one in view.unknown(load.name))
    if as_json:
        terminal.emit(facts(summary, None))
        return 0
    show_lines(*counts_lines(summary))
    show_lines(plain(f"a run is going on: {holder}" if holder else "no run is going on", "dim"))
    if unknown and not holder:
        show_lines(plain(f"{count(unknown, 'row')} sent without an answer: the next run looks them up", "dim"))
    return 0
