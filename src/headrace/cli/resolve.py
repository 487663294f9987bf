"""The command `resolve`: says of rows in doubt what became of them, one by one or by a rule."""

from pathlib import Path
from typing import Annotated, Final

import typer

from headrace.cli import options as o
from headrace.cli.choices import Access

EXAMPLES: Final = """\b
Examples:
  headrace resolve import.headrace                   asks, row by row, with the records that may be it
  headrace resolve import.headrace --all missing     the next run sends them again
  headrace resolve import.headrace --from import.results/tasks.in-doubt.csv

Next: `headrace run` with the import's file sends what is missing.
"""

All = Annotated[
    str | None,
    typer.Option("--all", metavar="WORD", help="Decide all rows alike: created, missing or skip."),
]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Take the decisions from a column `decision` of an in-doubt file."),
]


def resolve(
    checkpoint: o.CheckpointFile, *, every: All = None, file: From = None, access: Access, json: o.Json = False
) -> int:
    """Settle rows in doubt by hand or by rule: created, missing, the id of the record, or skip.

    With a token in the environment the records that may be a row are looked up and shown. Without an answer to give
    (no terminal, no --all, no --from) the rows are listed.
    """
    from headrace.cli.doubts import settle  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return settle(checkpoint, every, file, access=access, as_json=json)
