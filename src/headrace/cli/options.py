"""The options that several commands share, as annotated types, and the readers of their values."""

import os
import re
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from headrace.errors import UsageError

# --- values -----------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """What `--to` names: a provider and one of its resources, neither of them checked yet."""

    provider: str
    resource: str


class Threshold(NamedTuple):
    """What `--max-errors` names: a number of rows, or a part (0 to 1) of them."""

    rows: int | None = None
    part: float | None = None


def target(text: str) -> Target:
    """Read `productive:time_entries`."""
    provider, colon, resource = text.partition(":")
    if not (provider and colon and resource):
        raise typer.BadParameter(f"{text!r} is not PROVIDER:RESOURCE, for example productive:time_entries")
    return Target(provider, resource)


_NUMBER: Final = re.compile(r"\d+(\.\d+)?|\.\d+", re.ASCII)


def part(text: str) -> float:
    """Read a part of a whole: `50%` and `0.5` are 0.5. Above 0, at most 1."""
    bare = text.strip().removesuffix("%")
    value = float(bare) / (100 if text.strip().endswith("%") else 1) if _NUMBER.fullmatch(bare) else 0.0
    if not 0 < value <= 1:
        raise typer.BadParameter(f"{text!r} is not a part such as 50% or 0.5 (above 0, at most 100%)")
    return value


_SECONDS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_SPAN: Final = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?", re.ASCII)
_LONGEST: Final = 366 * 86_400.0


def duration(text: str) -> float:
    """Read a duration in seconds: `90`, `45s`, `30m`, `2h`, `1h30m`, `1d`. At most a year."""
    bare = text.replace(" ", "").lower()
    found = _SPAN.fullmatch(f"{bare}s" if _NUMBER.fullmatch(bare) else bare)
    given = {unit: value for unit, value in found.groupdict().items() if value} if found else {}
    seconds = sum(float(value) * _SECONDS[unit] for unit, value in given.items())
    if not given or seconds > _LONGEST:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 30m, 2h or 1h30m")
    return seconds


def threshold(text: str) -> Threshold:
    """Read a number of rows, `100`, or a part of them, `5%`."""
    bare = text.strip()
    if bare.isascii() and bare.isdigit():
        return Threshold(rows=int(bare))
    if bare.endswith("%"):
        return Threshold(part=part(bare))
    raise typer.BadParameter(f"{text!r} is neither a number of rows such as 100 nor a part such as 5%")


def budget_url(text: str) -> str:
    """Read the URL of a Redis. One with a password is only taken from the environment; never shows it."""
    from headrace.dispatch.permits.redis import Address  # noqa: PLC0415 - only this option needs it

    try:
        address = Address(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}") from None
    if address.has_password and os.environ.get("HEADRACE_BUDGET") != text:
        raise typer.BadParameter(
            "a password on the command line is seen by every process (ps) and kept in the shell's history; "
            "put the whole URL into HEADRACE_BUDGET, and replace the password: it was seen"
        )
    return text


def refused(_: str) -> str:
    """Refuse `--token VALUE`, without repeating the value."""
    raise typer.BadParameter(
        "a token on the command line is seen by every process (ps) and kept in the shell's history; "
        "put it into HEADRACE_<PROVIDER>_TOKEN or give --token-file or --token-stdin, and replace it: it was seen"
    )


# --- what is read -----------------------------------------------------------------------------------------------

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="An import file (.toml), or a data file (.csv .tsv .jsonl .json, also .gz); - reads stdin."
    ),
]
CheckpointFile = Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="The .headrace file of an import.")]
To = Annotated[
    Target | None,
    typer.Option(
        "--to",
        parser=target,
        metavar="PROVIDER:RESOURCE",
        help="Where a data file goes, for example productive:time_entries.",
    ),
]
Key = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="COLUMN", help="A column that identifies a row of a data file; may be repeated."),
]
Operation = Annotated[
    str | None,
    typer.Option(
        "--operation", metavar="NAME", help="What is done with the rows of a data file: create, update, upsert ..."
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="FIELD", help="A field by which an upsert finds a record; may be repeated."),
]
Format = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="The format of a data file, where its name does not say.")
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHAR", help="What separates the cells of a CSV file.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="The text encoding of a data file, for example cp1252.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Take only the first N rows of each load.")
]

# --- where it goes, and as whom ---------------------------------------------------------------------------------

Checkpoint = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="PATH", help="Where the import's state is kept; default <stem>.headrace."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Replaces the provider's whole base URL, path included."),
]
AllowHost = Annotated[
    bool,
    typer.Option("--allow-host", help="Send the token to another host than the provider's own."),
]
TokenFile = Annotated[Path | None, typer.Option("--token-file", metavar="PATH", help="Read the token from this file.")]
TokenStdin = Annotated[bool, typer.Option("--token-stdin", help="Read the token from standard input.")]
NoToken = Annotated[str | None, typer.Option("--token", parser=refused, hidden=True)]

# --- how it is sent ---------------------------------------------------------------------------------------------

BatchSize = Annotated[
    int | None, typer.Option("--batch-size", metavar="N", min=1, help="Rows per bulk request; default the provider's.")
]
NoBulk = Annotated[bool, typer.Option("--no-bulk", help="Send every row in a request of its own.")]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", metavar="N", min=1, max=1000, help="Requests under way at once, at most.")
]
Share = Annotated[
    float | None,
    typer.Option("--share", parser=part, metavar="P%", help="Use only this part of the rate limits, for example 50%."),
]
NoLimits = Annotated[
    bool, typer.Option("--no-limits", help="Send without regard to rate limits; loopback addresses only.")
]

Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        parser=budget_url,
        envvar="HEADRACE_BUDGET",
        show_envvar=False,
        metavar="redis://HOST:PORT/DB",
        help="Keep what is spent in Redis, for several machines; with a password in HEADRACE_BUDGET instead.",
    ),
]

# --- when it ends -----------------------------------------------------------------------------------------------

Deadline = Annotated[
    float | None,
    typer.Option(
        "--deadline", parser=duration, metavar="DURATION", help="Stop cleanly after this long, for example 90m or 2h."
    ),
]
MaxErrors = Annotated[
    Threshold | None,
    typer.Option(
        "--max-errors",
        parser=threshold,
        metavar="N|P%",
        help="Stop when more rows than this are refused; default never.",
    ),
]
SettleAfter = Annotated[
    float | None,
    typer.Option(
        "--settle-after",
        parser=duration,
        metavar="DURATION",
        help="How long to wait before looking up what has no answer; default the provider's. 2s suits the sandbox.",
    ),
]

Canary = Annotated[
    bool,
    typer.Option("--canary", help="Send one row of each load that creates first, read it back and compare it."),
]

AttachmentsDir = Annotated[
    Path | None,
    typer.Option("--attachments-dir", metavar="FOLDER", help="Where the files are that rows name, and nowhere else."),
]

# --- how it is shown --------------------------------------------------------------------------------------------

AcceptMappingChange = Annotated[
    bool, typer.Option("--accept-mapping-change", help="Go on although the mapping changed since the last run.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes; errors and the result only.")]
