"""The command `run`: imports a file, and goes on where an earlier run of the same import stopped."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import Access, DataFile, Pace, Talk

EXAMPLES: Final = """\b
Examples:
  headrace run import.toml
  headrace run hours.csv --to productive:time_entries --share 50%
  headrace run import.toml --limit 20          a trial with the first rows; the rest goes on from there

Next: `headrace status` shows where an import stands, `headrace retry` sends repaired rejects.
"""


def run(file: o.File, *, how: DataFile, checkpoint: o.Checkpoint = None, access: Access, pace: Pace, talk: Talk) -> int:
    """Import a file. Run the same command again and it goes on where it stopped; done rows are never sent again.

    The token comes from HEADRACE_<PROVIDER>_TOKEN, the organization from HEADRACE_<PROVIDER>_ORGANIZATION.
    """
    from headrace.cli.sending import import_file  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return import_file(file, how, checkpoint, access=access, pace=pace, talk=talk)
