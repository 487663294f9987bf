"""The house stands as drawn: who may import whom (DESIGN.md, section 2), and how large a room may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import headrace

ROOT = Path(headrace.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))

ACTS = {"intake", "dispatch", "ledger"}
NOUNS = {"model", "errors", "identity", "provider"}
FLOW = {
    *(
        "ahead",
        "course",
        "meter",
        "pipeline",
        "feed",
        "marking",
        "resolving",
        "passage",
        "migration",
        "outside",
        "progress",
        "rejects",
    ),
    "attaching",
    "connection",
    "importfile",
    "loads",
    "sources",
    "ownfields",
    "parents",
    "waves",
    "writing",
    *ACTS,
    *NOUNS,
}
"""What pipeline.py may import. Around it stand nouns of their own: `feed` (batches for writers), `writing` (the writers
of a load), `resolving` (names and keys to ids), `roster` (the names of a resource), `attaching` (files that rows name),
`ownfields` (custom fields by name), `parents` (ids by the keys of rows), `waves` (rows that refer to rows of the same
source), `passage` (one load on its way), `rejects` (once more, as they are repaired), `marking` (by what its rows are
known again), `connection` (an open way to a provider), `migration` (one import), `course` (its loads, one by one),
`outside` (clock, network, threads), `progress` (snapshots), `importfile` (the file; `loads` are what it is made of and
implies, `missing` what can be wrong there), `sources` (what a load reads), `ordering` (which load comes first), `meter`
(what a run has spent), `ahead` (what it has still to send), `planning` (what a run would do, and when), `rehearsal` (a
run up to where it sends), `prospects` (names it would find), `scouting` (what it would ask about its first rows),
`deciding` (what became of rows in doubt), `adoption` (a lost checkpoint made anew), `exporting` (a listing read into a
file), `verification` (what there is, compared with what was sent; `expecting` says what that is, `comparison` does it
for a resource, `verified` is what comes of it, `minutes` asks the time report). Below the client, `access` makes a
connection of credentials."""

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "identity": {"model"},
    "provider": {"model"},
    "progress": {"model"},
    "intake": NOUNS,
    "dispatch": NOUNS,
    "ledger": {"model", "errors", "identity"},
    "outside": {"dispatch"},
    "waves": {"parents", *ACTS, *NOUNS},
    "ownfields": {*ACTS, *NOUNS},
    "attaching": {*ACTS, *NOUNS},
    "roster": {"ownfields", *ACTS, *NOUNS},
    "resolving": {"ownfields", "parents", "roster", "waves", *ACTS, *NOUNS},
    "feed": {"resolving", *ACTS, *NOUNS},
    "writing": {"feed", *ACTS, *NOUNS},
    "pipeline": {"feed", "writing", *ACTS, *NOUNS},
    "naming": {"intake", "providers", *NOUNS},
    "fitting": {"naming", "provider"},
    "ordering": set(),
    "loads": {"intake", *NOUNS},
    "missing": {"fitting", "loads", *NOUNS},
    "importfile": {"fitting", "intake", "loads", "missing", "naming", "ordering", *NOUNS},
    "sources": {"attaching", "feed", "loads", "missing", *ACTS, *NOUNS},
    "parents": {"importfile", *ACTS, *NOUNS},
    "passage": {"feed", "loads", "resolving", "sources", *ACTS, *NOUNS},
    "rejects": {"attaching", "feed", "loads", "resolving", "sources", *ACTS, *NOUNS},
    "meter": {"dispatch"},
    "ahead": {"feed", "marking", "passage", "pipeline", "resolving", *ACTS, *NOUNS},
    "marking": {"feed", "loads", *ACTS, *NOUNS},
    "connection": {"importfile", "outside", *ACTS, *NOUNS},
    "course": FLOW - {"migration"},
    "migration": FLOW,
    "adoption": FLOW,
    "exporting": {"connection", "meter", "naming", "shaping", *ACTS, *NOUNS},
    "shaping": {"naming", *NOUNS},
    "minutes": {"connection", *ACTS, *NOUNS},
    "verified": {"minutes"},
    "expecting": FLOW | {"verified"},
    "comparison": FLOW | {"expecting", "minutes", "verified"},
    "verification": FLOW | {"comparison", "expecting", "minutes", "verified"},
    "prospects": {"ownfields", "parents", "resolving", "roster", *ACTS, *NOUNS},
    "scouting": FLOW | {"prospects"},
    "rehearsal": FLOW | {"checking", "prospects", "scouting"},
    "planning": FLOW | {"checking", "prospects", "rehearsal"},
    "checking": {"importfile", "loads", "sources", *ACTS, *NOUNS},
    "deciding": FLOW,
    "address": {"errors", "model", "provider"},
    "stream": {"migration", "dispatch", "errors", "model"},
    "examination": {"connection", *ACTS, *NOUNS},
    "budgets": {"outside", "pipeline", *ACTS, *NOUNS},
    "session": {"address", "outside", "pipeline", *ACTS, *NOUNS},
    "access": {"budgets", "connection", "outside", "pipeline", "session", *ACTS, *NOUNS},
    "client": FLOW
    | {
        "access",
        "adoption",
        "exporting",
        "verification",
        "verified",
        "session",
        "examination",
        "address",
        "naming",
        "planning",
        "stream",
    },
    "facade": FLOW | {"address", "client", "naming", "planning"},
    "providers": {"provider", "model"},
    "sandbox": {"provider", "providers"},
}
"""What a part may import of ours, besides itself. The parts that are not named (`cli`, `testing`, the public face)
may import everything."""

FOREIGN = {"aiohttp", "aiolimiter", "anyio", "asyncio", "msgspec", "orjson", "redis", "rich", "typer"}
MAY_USE: dict[str, set[str]] = {
    "model": {"msgspec"},
    "errors": set(),
    "identity": {"msgspec"},
    "provider": {"msgspec"},
    "progress": {"msgspec"},
    "intake": {"msgspec"},
    "dispatch": {"msgspec", "anyio", "asyncio", "aiolimiter"},
    "ledger": {"msgspec"},
    "outside": {"msgspec"},
    "resolving": {"msgspec", "anyio"},
    "roster": {"msgspec"},
    "feed": {"msgspec", "anyio", "asyncio"},
    "writing": {"msgspec"},
    "pipeline": {"msgspec", "anyio"},
    "fitting": {"msgspec"},
    "loads": {"msgspec"},
    "missing": {"msgspec"},
    "sources": {"msgspec"},
    "importfile": {"msgspec"},
    "ordering": set(),
    "parents": set(),
    "ownfields": {"msgspec"},
    "attaching": {"msgspec"},
    "waves": set(),
    "passage": {"msgspec", "asyncio"},
    "rejects": {"asyncio"},
    "meter": set(),
    "ahead": {"asyncio"},
    "marking": {"msgspec"},
    "connection": {"msgspec"},
    "course": {"msgspec", "anyio", "asyncio"},
    "migration": set(),
    "adoption": {"msgspec", "anyio"},
    "exporting": {"msgspec"},
    "minutes": {"msgspec"},
    "verified": {"msgspec"},
    "expecting": set(),
    "comparison": {"msgspec"},
    "verification": set(),
    "prospects": {"msgspec"},
    "scouting": {"msgspec"},
    "rehearsal": {"msgspec", "anyio"},
    "planning": {"msgspec"},
    "checking": {"msgspec"},
    "deciding": {"msgspec"},
    "address": set(),
    "naming": set(),
    "stream": {"anyio"},
    "session": {"msgspec"},
    "access": {"msgspec"},
    "budgets": set(),
    "examination": {"msgspec"},
    "client": {"msgspec", "anyio", "asyncio"},
    "facade": {"msgspec", "anyio", "asyncio"},
    "providers": {"msgspec"},
    "sandbox": {"aiohttp", "asyncio", "orjson"},
}
EXCEPTIONS: dict[str, set[str]] = {
    "dispatch/http.py": {"aiohttp"},  # the only aiohttp of the engine
    "dispatch/permits/redis.py": {"redis"},  # an extra, imported when it is used
}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, however deep inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            if node.module == "headrace":
                yield from (f"headrace.{alias.name}" for alias in node.names)
            else:
                yield node.module


def part_of(module: str) -> str:
    return module.split("/", maxsplit=1)[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_down(module: str) -> None:
    """A file imports of ours only what its part may, and of others only what its part may."""
    part = part_of(module)
    for name in imports(ROOT / module):
        top, _, rest = name.partition(".")
        if top == "headrace" and part in MAY_IMPORT:
            assert rest.split(".")[0] in MAY_IMPORT[part] | {part}, f"{module} imports {name}"
        if top in FOREIGN and part in MAY_USE:
            assert top in MAY_USE[part] | EXCEPTIONS.get(module, set()), f"{module} imports {name}"


def test_providers_do_not_know_each_other() -> None:
    """No provider's folder imports another provider's."""
    for module in (name for name in MODULES if name.startswith("providers/") and name.count("/") > 1):
        own = module.split("/")[1]
        for name in imports(ROOT / module):
            if name.startswith("headrace.providers."):
                assert name.split(".")[2] == own, f"{module} imports {name}"


@pytest.mark.parametrize("part", ["intake", "ledger", "providers"])
def test_acts_without_a_loop_stay_so(part: str) -> None:
    """Intake and ledger contain no `async`: that is what makes them testable without a loop."""
    for module in (name for name in MODULES if name.startswith(f"{part}/")):
        for node in ast.walk(ast.parse((ROOT / module).read_text())):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith), module


@pytest.mark.parametrize("module", MODULES)
def test_rooms_are_small(module: str) -> None:
    """A file is one noun: under 300 lines; a function is one thought: at most 50, without its words."""
    text = (ROOT / module).read_text()
    assert text.count("\n") < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            says = node.body[1:] if ast.get_docstring(node) else node.body
            assert not says or (says[-1].end_lineno or 0) - says[0].lineno < 50, node.name


TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_every_test_states_its_property(path: Path) -> None:
    """A test without a docstring says how, but not what must hold."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name}"
