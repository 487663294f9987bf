"""The command `repair`: makes a damaged checkpoint sound again."""

from typing import Final

from headrace.cli import options as o

EXAMPLES: Final = """\b
Examples:
  headrace repair import.headrace

Next: `headrace run` with the import's file looks up what became unknown, and goes on.
"""


def repair(checkpoint: o.CheckpointFile, *, json: o.Json = False, quiet: o.Quiet = False) -> int:
    """Save what can be read of a damaged checkpoint. What cannot becomes unknown, and is never sent blindly.

    The damaged file is kept beside it. Exit code 0 when all could be read, 4 when rows became unknown.
    """
    from headrace.cli.repairing import mend  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return mend(checkpoint, as_json=json, is_quiet=quiet)
