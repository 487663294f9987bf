"""The command `doctor`: what an account allows and lets us promise, before anything is sent."""

from typing import Annotated, Final

import typer

from headrace.cli.choices import Access, Pace, Telling
from headrace.cli.groups import only

EXAMPLES: Final = """\b
Examples:
  headrace doctor productive
  headrace doctor productive --base-url http://127.0.0.1:8400/api/v2 --json

Next: `headrace plan` says what an import would do.
"""


def doctor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The provider whose account is looked at.")],
    *,
    access: Access,
    pace: Annotated[Pace, only("budget")],
    talk: Telling,
) -> int:
    """Check credentials, organization, rights, clock, budget, and which promise the account really supports.

    Reads only, inside the budget. Exit code 0 when all is as the tables say, 3 when something weakens a promise, 6
    when the credentials are not accepted, 7 when the provider cannot be reached.
    """
    from headrace.cli.consultation import consult  # noqa: PLC0415 - loaded when it runs, so that --help is quick

    return consult(name, access=access, pace=pace, talk=talk)
