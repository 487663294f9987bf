"""The command `plan`: what a run would do and how long it would take, before anything is sent."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import Access, DataFile, Pace, Talk

EXAMPLES: Final = """\b
Examples:
  headrace plan import.toml
  headrace plan hours.csv --to productive:time_entries --no-bulk
  headrace plan import.toml --share 50% --json

Next: `headrace run` with the same options.
"""


def plan(
    file: o.File, *, how: DataFile, checkpoint: o.Checkpoint = None, access: Access, pace: Pace, talk: Talk
) -> int:
    """Say what `run` with the same options would do, and how long it would take. Nothing is written.

    Every row is judged, and the names that rows refer to are looked up; so the number of requests is exact, and the
    time is that of the live budget. Exit code 0 when every row is valid, 3 when some are not.
    """
    from headrace.cli.planning import lay_out  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return lay_out(file, how, checkpoint, access=access, pace=pace, talk=talk)
