"""Rows in doubt on the command line: listed, asked about, and settled."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import typer

from headrace.cli import credentials, terminal
from headrace.cli.choices import Access
from headrace.cli.report import results_beside
from headrace.cli.text import clean, count
from headrace.client import Client
from headrace.deciding import WORDS, Case, candidates, cases, decision, from_file
from headrace.errors import CredentialsError, UsageError
from headrace.importfile import recorded
from headrace.ledger import Checkpoint, Decision, View
from headrace.ledger.view import read
from headrace.naming import provider_named
from headrace.pipeline import Settings

EXIT_IN_DOUBT = 4


def settle(state: Path, every: str | None, file: Path | None, *, access: Access, as_json: bool) -> int:
    """Settle rows in doubt and return the exit code: 4 while any is left. Raises `UsageError` and what is read."""
    if every is not None and every not in WORDS:
        raise UsageError(f"--all takes {', '.join(WORDS)}, not {every!r}", hint="an id is for one row: use --from")
    if every is not None and file is not None:
        raise UsageError("--all and --from exclude each other", hint="give one of them")
    results = results_beside(state)
    with read(state) as view:
        found = _with_candidates(cases(view, results), view, access)
    answers = _answers(found, every, file)
    decided = [(case, made) for case, answer in answers if (made := decision(case, answer)) is not None]
    if decided:
        _record(state, results, decided)
    return _tell(found, decided, as_json=as_json)


def _with_candidates(found: list[Case], view: View, access: Access) -> list[Case]:
    """Return the cases with what the provider holds that may be them, where somebody has given credentials."""
    provider = recorded(view.definition).fitted(provider_named(view.identity.provider))
    if not found:
        return found
    try:
        token = credentials.token(provider, access.token_file, from_stdin=access.token_stdin)
    except CredentialsError:
        return found
    client = Client(
        provider,
        token=token,
        organization=view.identity.organization or None,
        base_url=access.base_url or view.identity.base_url,
        settings=Settings(allow_host=access.allow_host),
    )

    async def search() -> list[Case]:
        async with client:
            return await candidates(found, view, client.connection)

    return anyio.run(search)


def _answers(found: Sequence[Case], every: str | None, file: Path | None) -> Sequence[tuple[Case, str]]:
    if every is not None:
        return [(case, every) for case in found]
    if file is not None:
        return from_file(found, file)
    return [*_ask(found)] if terminal.is_interactive() else []


def _ask(found: Sequence[Case]) -> Iterator[tuple[Case, str]]:
    """Ask about one row after the other."""
    for place, case in enumerate(found, 1):
        terminal.say(f"{place} of {len(found)}: {case.load}, line {case.line or 'unknown'}: {case.why}")
        terminal.say("  " + ", ".join(f"{name}={value}" for name, value in case.cells.items() if value))
        if case.candidates:
            terminal.say(f"  records that may be it: {', '.join(case.candidates)}")
        usual = case.candidates[0] if len(case.candidates) == 1 else "skip"
        yield case, typer.prompt(clean("created, missing, skip, or its id"), default=usual, err=True)


def _record(state: Path, results: Path, decided: Sequence[tuple[Case, Decision]]) -> None:
    by_load: defaultdict[str, list[Decision]] = defaultdict(list)
    for case, made in decided:
        by_load[case.load].append(made)
    with read(state) as view:
        identity, definition = view.identity, view.definition
    folder = results if results.exists() else None
    with Checkpoint.open(state, identity=identity, definition=definition, results=folder) as checkpoint:
        for load, decisions in by_load.items():
            checkpoint.resolve(load, decisions)


def _tell(found: Sequence[Case], decided: Sequence[tuple[Case, Decision]], *, as_json: bool) -> int:
    made = {(case.load, case.number): one for case, one in decided}
    left = [case for case in found if (case.load, case.number) not in made]
    kinds = Counter("missing" if one.remote_id is None else "created" for one in made.values())
    if as_json:
        terminal.emit({**{word: kinds[word] for word in ("created", "missing")}, "left": [*map(_facts, left)]})
    else:
        for case in left:
            ids = f"; may be {', '.join(case.candidates)}" if case.candidates else ""
            terminal.emit_line(clean(f"{case.load}, line {case.line or 'unknown'}: {case.why}{ids}"))
        parts = ", ".join(f"{kinds[word]} {word}" for word in ("created", "missing"))
        terminal.say(f"{parts}; {count(len(left), 'row')} in doubt")
    return EXIT_IN_DOUBT if left else 0


def _facts(case: Case) -> dict[str, Any]:
    return {
        "load": case.load,
        "line": case.line or None,
        "key": case.key.hex(),
        "why": case.why,
        "row": dict(case.cells),
        "candidates": list(case.candidates),
    }
