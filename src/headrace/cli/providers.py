"""The command `providers`: what can be written, with which fields, under which limits and promises."""

from typing import Annotated, Final

import typer

from headrace.cli import options as o

EXAMPLES: Final = """\b
Examples:
  headrace providers
  headrace providers productive
  headrace providers productive:time_entries
  headrace providers --schema > import.schema.json

Next: write an import file, and `headrace check` it.
"""


def providers(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME[:RESOURCE]]", help="A provider, or one resource of it.")
    ] = None,
    *,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print a JSON Schema: of the resource's rows, or else of the import file."),
    ] = False,
    json: o.Json = False,
) -> int:
    """Show what can be written, and how.

    The providers, their resources, fields and limits, and what is promised about duplicates.
    """
    from headrace.cli.catalogue import show  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return show(name, schema=schema, as_json=json)
