"""The command `adopt`: makes a lost checkpoint anew, from the marks that the records of the import carry."""

from typing import Annotated, Final

from headrace.cli import options as o
from headrace.cli.choices import Access, DataFile, Pace, Telling
from headrace.cli.groups import only

EXAMPLES: Final = """\b
Examples:
  headrace adopt import.toml                   the checkpoint was deleted, or is on a machine that is gone
  headrace adopt import.toml --settle-after 2s       nothing can be under way any more

Next: `headrace run` with the same file sends the rows that were not found.
"""

_Pace = Annotated[Pace, only("share", "no_limits", "deadline", "settle_after", "budget", "attachments_dir")]


def adopt(file: o.File, *, checkpoint: o.Checkpoint = None, access: Access, pace: _Pace, talk: Telling) -> int:
    """Make the lost checkpoint of an import anew: which of its rows the provider holds, known by their marks.

    Sends questions only. Loads with a `marker` are recognised; the rows of others come to be in doubt, for `headrace
    resolve` to decide. Interrupted, the same command goes on. Exit code 4 when rows are in doubt or there twice.
    """
    from headrace.cli.sending import adopt_file  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return adopt_file(file, DataFile(), checkpoint, access=access, pace=pace, talk=talk)
