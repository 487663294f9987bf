"""The command `retry`: sends the rows of the reject files that were repaired, and only those."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import Access, Pace, Talk

EXAMPLES: Final = """\b
Examples:
  headrace retry import.headrace

Next: `headrace status` shows what is left.
"""


def retry(
    checkpoint: o.CheckpointFile,
    *,
    base_url: o.BaseUrl = None,
    allow_host: o.AllowHost = False,
    token_file: o.TokenFile = None,
    token_stdin: o.TokenStdin = False,
    token: o.NoToken = None,  # noqa: ARG001 - its reader refuses every value
    batch_size: o.BatchSize = None,
    no_bulk: o.NoBulk = False,
    concurrency: o.Concurrency = None,
    share: o.Share = None,
    no_limits: o.NoLimits = False,
    budget: o.Budget = None,
    deadline: o.Deadline = None,
    max_errors: o.MaxErrors = None,
    settle_after: o.SettleAfter = None,
    attachments_dir: o.AttachmentsDir = None,
    yes: o.Yes = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Send the repaired rows of the reject files, and only those.

    Correct the cells in <stem>.results/<load>.rejects.csv, save the file, and retry.
    """
    from headrace.cli.sending import send_rejects  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    pace = Pace(
        None,
        batch_size,
        no_bulk,
        concurrency,
        share,
        no_limits,
        deadline,
        max_errors,
        settle_after,
        budget=budget,
        attachments_dir=attachments_dir,
    )
    access = Access(base_url, allow_host, token_file, token_stdin)
    return send_rejects(checkpoint, access=access, pace=pace, talk=Talk(yes, json, quiet))
