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
    """Say what `run` with the same options would do, and how long it would take. Nothing is written.

    Every row is judged, and the names that rows refer to are looked up; so the number of requests is exact, and the
    time is that of the live budget. Exit code 0 when every row is valid, 3 when some are not.
    """
    from headrace.cli.planning import lay_out  # noqa: PLC0415 - loaded when it runs, so that --help is quick

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
    return lay_out(
        file,
        DataFile(to, key, format, delimiter, encoding, operation, by),
        checkpoint,
        access=Access(base_url, allow_host, token_file, token_stdin),
        pace=pace,
        talk=Talk(yes, json, quiet),
    )
