"""What the tests of the command line share: the program in this process, and the sandbox beside it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from cli_program import TOKEN, Ended, Place

from headrace.cli.app import main
from headrace.sandbox.options import Options
from headrace.sandbox.server import serve


@pytest.fixture
def headrace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Return the program, in this process, in a folder of its own, without credentials."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_PRODUCTIVE_TOKEN", raising=False)
    monkeypatch.delenv("HEADRACE_PRODUCTIVE_ORGANIZATION", raising=False)

    def run(*arguments: object, at: Place | None = None) -> Ended:
        for name, value in (at.environment if at else {}).items():
            monkeypatch.setenv(name, value)
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def sandbox() -> Iterator[Callable[..., Place]]:
    """Return what starts sandboxes on real sockets, in a thread of this process, and end them."""
    with start_blocking_portal() as portal, ExitStack() as running:

        def begin(**options: Any) -> Place:
            served = serve(Options(token=TOKEN, **({"window": "off"} | options)))
            place = running.enter_context(portal.wrap_async_context_manager(served))
            return Place(place.url, place.token, place.organization)

        yield begin


@pytest.fixture
def hours(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a CSV of distinct time entries that the sandbox takes; rows given by number are replaced."""

    def write(count: int, name: str = "hours.csv", **bad: str) -> Path:
        days = [f"2026-01-{1 + n % 28:02},{15 + n % 400}" for n in range(count)]
        rows = [f"{day},{201 + n % 6},{901 + n % 5},row {n}" for n, day in enumerate(days)]
        for number, row in bad.items():
            rows[int(number.lstrip("r"))] = row
        file = tmp_path / name
        file.write_text("\n".join(["date,time,person_id,service_id,note", *rows]) + "\n")
        return file

    return write
