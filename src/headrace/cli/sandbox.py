"""The command `sandbox`: one of the APIs on loopback, strict about its limits, with faults on demand."""

from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer


class Span(NamedTuple):
    """The shortest and the longest time, in milliseconds."""

    shortest: float
    longest: float


def span(text: str) -> Span:
    """Read milliseconds: `40`, or from-to as `20-80`."""
    low, dash, high = text.partition("-")
    try:
        return Span(float(low), float(high if dash else low))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number of milliseconds such as 40, or 20-80") from None


EXAMPLES: Final = """\b
Examples:
  headrace sandbox productive --port 8400
  headrace sandbox productive --window fixed --latency 20-80 --faults faults.toml

Next: with HEADRACE_PRODUCTIVE_TOKEN and HEADRACE_PRODUCTIVE_ORGANIZATION from its first line,
`headrace run FILE --base-url URL`.
"""


_Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider whose API is played.")]
_Port = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port on 127.0.0.1; 0 picks a free one.")
]
_Window = Annotated[
    str | None,
    typer.Option(metavar="fixed|sliding|counter|off", help="How the rate limits are counted; default sliding."),
]
_CountsRejected = Annotated[bool, typer.Option("--counts-rejected", help="Let a 429 use up budget too.")]
_Reset = Annotated[
    str | None,
    typer.Option(metavar="x-ratelimit-reset|retry-after|none", help="The header of a 429 that says when to return."),
]
_Latency = Annotated[
    Span | None,
    typer.Option(parser=span, metavar="MS[-MS]", help="How long answers take, in milliseconds, for example 20-80."),
]
_Faults = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A TOML file of rules that say which requests go wrong, and how.")
]
_Seed = Annotated[int | None, typer.Option(metavar="N", help="Makes what is random repeatable.")]
_Pointers = Annotated[
    str | None, typer.Option(metavar="plain|indexed", help="Whether errors of a bulk request name the record.")
]
_Atomicity = Annotated[
    str | None,
    typer.Option(metavar="atomic|partial", help="Whether a bulk request with a bad record stores the good ones."),
]
_Order = Annotated[str | None, typer.Option(metavar="same|shuffled", help="The order of a bulk request's answers.")]
_Includes = Annotated[
    str | None,
    typer.Option(metavar="shown|ignored|refused", help="What becomes of relationships that a create asks to see."),
]
_MaxBulk = Annotated[
    int | None, typer.Option("--max-bulk", metavar="N", min=1, help="The most records a bulk request may carry.")
]
_Shape = Annotated[
    str | None,
    typer.Option(metavar="wrapped|bare", help="How records come, where the vendor's pages contradict each other."),
]
_Plan = Annotated[str | None, typer.Option(metavar="paid|free", help="What the account has paid for.")]
_ServerTime = Annotated[
    float | None,
    typer.Option("--server-time", metavar="SECONDS", help="Seconds of its own time that an hour allows, as 1800."),
]
_Token = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The token it accepts, which is no secret; default a random one.")
]
_Organization = Annotated[str | None, typer.Option(metavar="NUMBER", help="The organization it plays.")]


class Conduct(NamedTuple):
    """How the sandbox is to behave. None where its own default holds; the names are those of its options."""

    port: _Port = 0
    window: _Window = None
    counts_rejected: _CountsRejected = False
    reset: _Reset = None
    latency: _Latency = None
    seed: _Seed = None
    pointers: _Pointers = None
    atomicity: _Atomicity = None
    order: _Order = None
    includes: _Includes = None
    max_bulk: _MaxBulk = None
    shape: _Shape = None
    plan: _Plan = None
    server_time: _ServerTime = None
    token: _Token = None
    organization: _Organization = None


def sandbox(name: _Name, *, conduct: Conduct, faults: _Faults = None) -> int:
    """Play a provider's API on loopback.

    With its documented limits, until Ctrl-C.

    The first line on stdout is JSON: {"url", "token", "organization"}; the url is what --base-url takes.
    GET /__sandbox/audit tells what it has seen, POST /__sandbox/seed adds records.
    """
    from headrace.cli.playing import play  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return play(name, conduct, faults)
