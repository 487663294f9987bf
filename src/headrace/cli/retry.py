"""The command `retry`: sends the rows of the reject files that were repaired, and only those."""

from typing import Annotated, Final

from headrace.cli import options as o
from headrace.cli.choices import Access, Pace, Talk
from headrace.cli.groups import only

EXAMPLES: Final = """\b
Examples:
  headrace retry import.headrace

Next: `headrace status` shows what is left.
"""

_Pace = Annotated[
    Pace, only(*(name for name in Pace._fields if name not in {"limit", "canary", "accept_mapping_change"}))
]


def retry(checkpoint: o.CheckpointFile, *, access: Access, pace: _Pace, talk: Talk) -> int:
    """Send the repaired rows of the reject files, and only those.

    Correct the cells in <stem>.results/<load>.rejects.csv, save the file, and retry.
    """
    from headrace.cli.sending import send_rejects  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return send_rejects(checkpoint, access=access, pace=pace, talk=talk)
