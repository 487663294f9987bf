"""What the user chose on the command line, grouped by what it is about: the commands take and hand on these."""

from typing import Annotated, NamedTuple, TypeAlias

from headrace.cli import options as o
from headrace.cli.groups import only


class DataFile(NamedTuple):
    """How to read a data file that comes without an import file; all None beside one."""

    to: o.To = None
    key: o.Key = None
    operation: o.Operation = None
    by: o.By = None
    format: o.Format = None
    delimiter: o.Delimiter = None
    encoding: o.Encoding = None


class Access(NamedTuple):
    """Where the provider is, and where its token comes from; never the token, whose reader refuses every value."""

    base_url: o.BaseUrl = None
    allow_host: o.AllowHost = False
    token_file: o.TokenFile = None
    token_stdin: o.TokenStdin = False
    token: o.NoToken = None


class Pace(NamedTuple):
    """How rows are sent, and when to stop. None where the engine's own default holds; times in seconds."""

    limit: o.Limit = None
    batch_size: o.BatchSize = None
    no_bulk: o.NoBulk = False
    concurrency: o.Concurrency = None
    share: o.Share = None
    no_limits: o.NoLimits = False
    budget: o.Budget = None
    deadline: o.Deadline = None
    max_errors: o.MaxErrors = None
    settle_after: o.SettleAfter = None
    canary: o.Canary = False
    attachments_dir: o.AttachmentsDir = None
    accept_mapping_change: o.AcceptMappingChange = False


class Talk(NamedTuple):
    """How much to ask and to tell."""

    yes: o.Yes = False
    json: o.Json = False
    quiet: o.Quiet = False


Telling: TypeAlias = Annotated[Talk, only("json", "quiet")]
"""The same for commands that ask nothing."""
