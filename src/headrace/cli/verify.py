"""The command `verify`: reads back what an import has made, and compares it with the sources."""

from typing import Annotated, Final

from headrace.cli import options as o
from headrace.cli.choices import Access, Pace, Telling
from headrace.cli.groups import only

EXAMPLES: Final = """\b
Examples:
  headrace verify import.headrace
  headrace verify import.headrace --json

Next: correct what differs by hand, or by a load with `operation = "update"`.
"""

_Pace = Annotated[Pace, only("share", "no_limits", "budget", "attachments_dir")]


def verify(checkpoint: o.CheckpointFile, *, access: Access, pace: _Pace, talk: Telling) -> int:
    """Read back what the import has left, in pages, and name every field that is not what was sent.

    Time entries are also compared with the time report: minutes by person and project, month by month. Writes nothing.
    Exit code 0 when all is as it was sent, 4 when something differs or is missing.
    """
    from headrace.cli.verifying import compare  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return compare(checkpoint, access=access, pace=pace, talk=talk)
