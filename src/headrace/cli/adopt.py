"""The command `adopt`: makes a lost checkpoint anew, from the marks that the records of the import carry."""

from typing import Final

from headrace.cli import options as o
from headrace.cli.choices import Access, DataFile, Pace, Talk

EXAMPLES: Final = """\b
Examples:
  headrace adopt import.toml                   the checkpoint was deleted, or is on a machine that is gone
  headrace adopt import.toml --settle-after 2s       nothing can be under way any more

Next: `headrace run` with the same file sends the rows that were not found.
"""


def adopt(
    file: o.File,
    *,
    checkpoint: o.Checkpoint = None,
    base_url: o.BaseUrl = None,
    allow_host: o.AllowHost = False,
    token_file: o.TokenFile = None,
    token_stdin: o.TokenStdin = False,
    token: o.NoToken = None,  # noqa: ARG001 - its reader refuses every value
    share: o.Share = None,
    no_limits: o.NoLimits = False,
    deadline: o.Deadline = None,
    settle_after: o.SettleAfter = None,
    budget: o.Budget = None,
    attachments_dir: o.AttachmentsDir = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> int:
    """Make the lost checkpoint of an import anew: which of its rows the provider holds, known by their marks.

    Sends questions only. Loads with a `marker` are recognised; the rows of others come to be in doubt, for `headrace
    resolve` to decide. Interrupted, the same command goes on. Exit code 4 when rows are in doubt or there twice.
    """
    from headrace.cli.sending import adopt_file  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return adopt_file(
        file,
        DataFile(),
        checkpoint,
        access=Access(base_url, allow_host, token_file, token_stdin),
        pace=Pace(
            share=share,
            no_limits=no_limits,
            deadline=deadline,
            settle_after=settle_after,
            budget=budget,
            attachments_dir=attachments_dir,
        ),
        talk=Talk(yes=True, json=json, quiet=quiet),
    )
