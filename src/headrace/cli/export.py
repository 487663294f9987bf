"""The command `export`: reads records or a report into a file."""

from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from headrace.cli import options as o
from headrace.cli.choices import Access, Pace, Telling
from headrace.cli.groups import only

EXAMPLES: Final = """\b
Examples:
  headrace export productive:tasks -o tasks.csv
  headrace export productive:time_entries -o hours.jsonl.gz --filter person_id=201 --filter date.gt_eq=2026-01-01
  headrace export productive:projects -o - --fields name,company_id --sort name
  headrace export productive:time_reports -o minutes.csv --group person

Next: `headrace run` takes the file as a source; `headrace check` first says whether it fits.
"""

What = Annotated[
    o.Target,
    typer.Argument(parser=o.target, metavar="PROVIDER:RESOURCE", help="What to read, for example productive:tasks."),
]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="A .csv or .jsonl file, also .gz; - for standard output.")
]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="NAME[.OP]=VALUE", help="Only such records; of one NAME repeated, any VALUE."),
]
FilterJson = Annotated[
    str | None,
    typer.Option("--filter-json", metavar="JSON", help='Filters as JSON, for groups: {"$op": "or", "0": ...}.'),
]
Include = Annotated[
    str | None, typer.Option("--include", metavar="NAMES", help="Related records, whose fields are written as well.")
]
Fields = Annotated[str | None, typer.Option("--fields", metavar="NAMES", help="Only these fields, comma separated.")]
Sort = Annotated[str | None, typer.Option("--sort", metavar="NAME", help="The order; -NAME is descending.")]
Group = Annotated[str | None, typer.Option("--group", metavar="NAME", help="What the rows of a report are for.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N records.")]
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="An import file whose base_url, [provider_settings] and [provider_fields] hold here as well.",
    ),
]
Safe = Annotated[
    bool,
    typer.Option(
        "--spreadsheet", help="Put ' before cells that a spreadsheet would run; no source for an import then."
    ),
]


class Wish(NamedTuple):
    """What the user asks for, as it was typed."""

    what: What
    output: Output
    filters: Filter = None
    filter_json: FilterJson = None
    include: Include = None
    fields: Fields = None
    sort: Sort = None
    group: Group = None
    limit: Limit = None
    spreadsheet: Safe = False
    settings: SettingsFile = None


_Pace = Annotated[Pace, only("share", "no_limits", "deadline", "budget")]


def export(wish: Wish, *, access: Access, pace: _Pace, talk: Telling) -> int:
    """Read records, or a report, into a CSV or JSON Lines file, in pages, inside the rate limits.

    Stopped, by whatever, the same command goes on. The file takes its name when it is complete.
    """
    from headrace.cli.exporting import extract  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return extract(wish, access=access, pace=pace, talk=talk)
