"""What the user chose on the command line, grouped by what it is about: the commands hand these on."""

from pathlib import Path
from typing import NamedTuple

from headrace.cli.options import Target, Threshold


class DataFile(NamedTuple):
    """How to read a data file that comes without an import file; all None beside one."""

    to: Target | None = None
    key: list[str] | None = None
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    operation: str | None = None
    by: list[str] | None = None


class Access(NamedTuple):
    """Where the provider is, and where its token comes from."""

    base_url: str | None = None
    allow_host: bool = False
    token_file: Path | None = None
    token_stdin: bool = False


class Pace(NamedTuple):
    """How rows are sent, and when to stop. None where the engine's own default holds; times in seconds."""

    limit: int | None = None
    batch_size: int | None = None
    no_bulk: bool = False
    concurrency: int | None = None
    share: float | None = None
    no_limits: bool = False
    deadline: float | None = None
    max_errors: Threshold | None = None
    settle_after: float | None = None
    accept_mapping_change: bool = False
    budget: str | None = None
    canary: bool = False
    attachments_dir: Path | None = None


class Talk(NamedTuple):
    """How much to ask and to tell."""

    yes: bool = False
    json: bool = False
    quiet: bool = False
