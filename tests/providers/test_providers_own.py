"""A provider of somebody else's: the sample's table passes the conformance suite, as a value and as a package."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

import headrace
from headrace.errors import UsageError
from headrace.model import Secret
from headrace.naming import provider_named
from headrace.provider import Provider
from headrace.providers import PROVIDERS
from headrace.sandbox.api import Api, Context, Credentials
from headrace.sandbox.core import Sandbox
from headrace.sandbox.jsonapi.checks import COUNT, DATE, TEXT
from headrace.sandbox.limits import Limit
from headrace.sandbox.message import Call, Reply, json_reply
from headrace.sandbox.options import Options
from headrace.sandbox.plain import routes
from headrace.sandbox.plain.kind import Fault, Kind, Manners, RefusalError
from headrace.sandbox.plain.paging import part_of
from headrace.sandbox.server import serve
from headrace.testing import virtual_time
from headrace.testing.conformance import CHECKS, Subject

SAMPLE = Path(__file__).parents[2] / "samples" / "own_provider.py"


def kanban() -> Provider:
    spec = importlib.util.spec_from_file_location("own_provider", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.KANBAN
    assert isinstance(found, Provider)
    return found


# --- a sandbox for it, out of the parts that ship ---------------------------------------------------------------


def invalid(faults: list[Fault]) -> RefusalError:
    return RefusalError(422, {"errors": {fault.field: [fault.detail] for fault in faults}})


def many(call: Call, _: Kind, records: list[dict[str, Any]], __: Context) -> Any:
    part = part_of(call, records, usual=25, most=100)
    return {"data": part.records, "meta": {"last_page": part.pages, "total": part.total}}


CARDS = Kind(
    type="cards",
    root="card",
    attributes={"title": TEXT, "points": COUNT, "due": DATE},
    required=("title",),
    rules=(lambda draft: [Fault("points", "is unlucky")] if draft.value("points") == 13 else [],),
)
CATALOG = routes.Catalog(
    kinds={"cards": CARDS},
    manners=Manners(
        identify=lambda _, number: number,
        number=lambda _, value: value if isinstance(value, int) else 0,
        unwrap=lambda kind, document: document.get(kind.root),
        one=lambda kind, shown, context: {kind.root: shown} if context.conduct.shape == "wrapped" else shown,
        many=many,
        look=lambda _, __, shown, ___: shown,
        invalid=invalid,
        missing=lambda: RefusalError(404, {"error": "no such card"}),
        unreadable=lambda: RefusalError(400, {"error": "no JSON"}),
        gone=lambda _: Reply(204),
        created=lambda _: 201,
        updates=frozenset({"PATCH"}),
    ),
)


def refuse(call: Call, credentials: Credentials) -> Reply | None:
    is_known = call.headers.get("authorization") == f"Bearer {credentials.token}" and not credentials.is_revoked
    return None if is_known else json_reply(401, {"error": "who are you?"})


API = Api(
    prefix="/v2",
    limits=(Limit(20, 10, "token"),),
    refuse=refuse,
    throttled=lambda _: json_reply(429, {"error": "slow down"}),
    overworked=lambda _, __: json_reply(429, {"error": "slow down"}),
    failure=lambda: json_reply(500, {"error": "oops"}),
    missing=lambda: json_reply(404, {"error": "nothing here"}),
    answer=lambda call, context: routes.answer(CATALOG, call, context),
    furnish=lambda *_: None,
    sow=lambda store, kind, wanted, now: routes.sow(CATALOG, store, kind, wanted, now),
    reset="retry-after",
)


def row(_: Sandbox, number: int) -> Mapping[str, Any]:
    return {"title": f"card {number}", "points": number % 10, "due": "2026-04-01"}


SUBJECT = Subject(
    provider=kanban(),
    sandbox=lambda **options: Sandbox(Options(provider="kanban", **options), virtual_time.START, api=API),
    rows={"cards": row},
    wrong={"cards": {"points": 13}},
    changes={"cards": {"points": 5}},
    many=("cards", "cards"),
)


@pytest.mark.parametrize("check", CHECKS)
def test_an_own_provider_conforms(check: str, tmp_path: Path) -> None:
    """The sample's table does what every provider must, without being registered anywhere."""
    assert "kanban" not in PROVIDERS
    CHECKS[check](SUBJECT, tmp_path)


def test_the_sample_is_short() -> None:
    """A table and an import take less than 60 lines."""
    assert len(SAMPLE.read_text().splitlines()) < 60


@pytest.mark.real
def test_the_sample_is_a_program_that_runs(tmp_path: Path) -> None:
    """It imports its cards into a server, and run again finds them done."""

    async def main() -> tuple[list[bytes], dict[str, int]]:
        said = []
        async with serve(Options(provider="kanban"), api=API) as running:
            environ = {"HEADRACE_KANBAN_TOKEN": running.token, "HEADRACE_KANBAN_BASE_URL": running.url}
            for _ in range(2):
                process = await asyncio.create_subprocess_exec(
                    sys.executable, str(SAMPLE), cwd=tmp_path, env=os.environ | environ, stdout=asyncio.subprocess.PIPE
                )
                said.append((await process.communicate())[0])
            return said, running.sandbox.store.created

    (first, second), created = asyncio.run(main())
    assert (first.count(b"Done("), second, created) == (2, b"", {"cards": 2})


# --- as a package -----------------------------------------------------------------------------------------------


def install(folder: Path, entry: str, text: str) -> dict[str, str]:
    """Lay an installed package into `folder`; return the environment that finds it."""
    (folder / "own_provider.py").write_text(text)
    info = folder / "kanban-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kanban\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[headrace.providers]\n{entry}\n")
    return os.environ | {"PYTHONPATH": str(folder)}


def program(environ: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace", *arguments]
    return subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.real
def test_an_installed_package_adds_a_provider_to_the_command_line(tmp_path: Path) -> None:
    """By its entry point it is listed, shown, and checked against as any other."""
    environ = install(tmp_path, "kanban = own_provider:KANBAN", SAMPLE.read_text())
    listed = orjson.loads(program(environ, tmp_path, "providers", "--json").stdout)["providers"]
    assert {"kanban", "productive"} <= {one["name"] for one in listed}
    assert "what is to be done" in program(environ, tmp_path, "providers", "kanban:cards").stdout
    (tmp_path / "cards.csv").write_text("title,points\nPlant,3\nSaw,many\n")
    checked = program(environ, tmp_path, "check", "cards.csv", "--to", "kanban:cards", "--json")
    assert checked.returncode == 3
    assert orjson.loads(checked.stdout)["valid"] == 1


@pytest.mark.real
@pytest.mark.parametrize(
    ("entry", "text", "says"),
    [
        ("kanban = own_provider:KANBAN", "raise RuntimeError('out of order')", "RuntimeError: out of order"),
        ("kanban = own_provider:KANBAN", "KANBAN = 7", "is no provider called 'kanban'"),
        ("kanban = nowhere:KANBAN", "", "ModuleNotFoundError"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, entry: str, text: str, says: str) -> None:
    """What a package gets wrong is a usage error that names the provider, and does not touch the others."""
    environ = install(tmp_path, entry, text)
    ended = program(environ, tmp_path, "providers", "kanban")
    assert ended.returncode == 2
    assert "kanban" in ended.stderr
    assert says in ended.stderr
    overview = program(environ, tmp_path, "providers")
    assert (overview.returncode, says in overview.stderr, "productive" in overview.stdout) == (0, True, True)


def test_no_package_takes_the_place_of_a_provider_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point called `productive` is not asked: it would get the user's token."""
    install(tmp_path, "productive = own_provider:KANBAN", SAMPLE.read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert provider_named("productive").hosts == {"api.productive.io", "api-sandbox.productive.io"}


def test_a_value_needs_no_name() -> None:
    """A client takes the table itself; a name that nobody has registered is an error with a suggestion."""
    assert headrace.Client(kanban(), token=Secret("t")).provider.name == "kanban"
    with pytest.raises(UsageError, match="no provider 'kanbam'"):
        provider_named("kanbam")
