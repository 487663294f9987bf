"""The command `check`: every fault of every row, offline."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import DataFile

EXAMPLES: Final = """\b
Examples:
  headrace check import.toml
  headrace check hours.csv --to productive:time_entries

Next: repair the file, or run it: invalid rows are left out and listed.
"""


def check(
    file: o.File,
    *,
    how: DataFile,
    limit: o.Limit = None,
    attachments_dir: o.AttachmentsDir = None,
    json: o.Json = False,
) -> int:
    """Find every fault of every row, offline.

    Nothing is sent and no token is needed. Names that only the provider knows are not looked up. Exit code 0 when
    every row is valid, 3 when some are not.
    """
    from headrace.cli.checking import examine  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return examine(file, how, limit, attachments_dir, as_json=json)
