"""The command `demo`: a whole import against the sandbox, interrupted and resumed."""

from pathlib import Path
from typing import Annotated, Final

import typer

EXAMPLES: Final = """\b
Examples:
  headrace demo
  headrace demo --dir /tmp/trial

Next: look into the folder; its import.toml is a model for your own.
"""


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="FOLDER", help="Where the sample files and the results go.")
    ] = Path("headrace-demo"),
) -> int:
    """Watch a whole import; no account needed.

    Needs no network and no other program either, and takes under a minute. Writes sample files, imports them into the
    sandbox under the real rate limits, interrupts itself, goes on, and shows the results and what the sandbox counted.
    """
    from headrace.cli.demonstration import demonstrate  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return demonstrate(folder)
