"""The command `status`: where an import stands, also while it is running."""

from typing import Final

from headrace.cli import options as o

EXAMPLES: Final = """\b
Examples:
  headrace status import.headrace
  headrace status import.headrace --json

Next: `headrace run` with the import's file goes on, `headrace retry` sends repaired rejects.
"""


def status(checkpoint: o.CheckpointFile, *, json: o.Json = False) -> int:
    """Show where an import stands.

    Per load and outcome; works while it is running, and changes nothing.
    """
    from headrace.cli.standing import show  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return show(checkpoint, as_json=json)
