"""The command `verify`: reads back what an import has made, and compares it with the sources."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import Access, Pace, Talk

EXAMPLES: Final = """\b
Examples:
  headrace verify import.headrace
  headrace verify import.headrace --json

Next: correct what differs by hand, or by a load with `operation = "update"`.
"""


def verify(
    checkpoint: o.CheckpointFile,
    *,
    base_url: o.BaseUrl = None,
    allow_host: o.AllowHost = False,
    token_file: o.TokenFile = None,
    token_stdin: o.TokenStdin = False,
    token: o.NoToken = None,  # noqa: ARG001 - its reader refuses every value
    share: o.Share = None,
    no_limits: o.NoLimits = False,
    budget: o.Budget = None,
    attachments_dir: o.AttachmentsDir = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Read back what the import has left, in pages, and name every field that is not what was sent.

    Time entries are also compared with the time report: minutes by person and project, month by month. Writes nothing.
    Exit code 0 when all is as it was sent, 4 when something differs or is missing.
    """
    from headrace.cli.verifying import compare  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return compare(
        checkpoint,
        access=Access(base_url, allow_host, token_file, token_stdin),
        pace=Pace(share=share, no_limits=no_limits, budget=budget, attachments_dir=attachments_dir),
        talk=Talk(json=json, quiet=quiet),
    )
