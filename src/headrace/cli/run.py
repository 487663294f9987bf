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


def run(
    file: o.File,
    *,
    to: o.To = None,
    key: o.Key = None,
    operation: o.Operation = None,
    by: o.By = None,
    format: o.Format = None,  # noqa: A002 - typer takes the parameter's name for the option's
    delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
    checkpoint: o.Checkpoint = None,
    base_url: o.BaseUrl = None,
    allow_host: o.AllowHost = False,
    token_file: o.TokenFile = None,
    token_stdin: o.TokenStdin = False,
    token: o.NoToken = None,  # noqa: ARG001 - its reader refuses every value
    limit: o.Limit = None,
    batch_size: o.BatchSize = None,
    no_bulk: o.NoBulk = False,
    concurrency: o.Concurrency = None,
    share: o.Share = None,
    no_limits: o.NoLimits = False,
    budget: o.Budget = None,
    deadline: o.Deadline = None,
    max_errors: o.MaxErrors = None,
    settle_after: o.SettleAfter = None,
    canary: o.Canary = False,
    attachments_dir: o.AttachmentsDir = None,
    accept_change: o.AcceptMappingChange = False,
    yes: o.Yes = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Import a file. Run the same command again and it goes on where it stopped; done rows are never sent again.

    The token comes from HEADRACE_<PROVIDER>_TOKEN, the organization from HEADRACE_<PROVIDER>_ORGANIZATION.
    """
    from headrace.cli.sending import import_file  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    pace = Pace(
        limit,
        batch_size,
        no_bulk,
        concurrency,
        share,
        no_limits,
        deadline,
        max_errors,
        settle_after,
        accept_change,
        budget,
        canary,
        attachments_dir,
    )
    return import_file(
        file,
        DataFile(to, key, format, delimiter, encoding, operation, by),
        checkpoint,
        access=Access(base_url, allow_host, token_file, token_stdin),
        pace=pace,
        talk=Talk(yes, json, quiet),
    )
