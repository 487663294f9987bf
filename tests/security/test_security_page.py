"""The page of the security rules is true: every rule is on it, and every check that it names exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import headrace

TESTS = Path(__file__).parent.parent
PAGE = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in Path(headrace.__file__).parent.rglob("*.py")}


def test_every_rule_is_on_the_page() -> None:
    """All 25 rules have a row, in order, each with a check or with the reason why there is none."""
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == [*range(1, 26)]
    for number, _, check in rows:
        assert "::" in check or re.search(r"does not apply|left open|belong to", check), number


def test_every_check_exists() -> None:
    """A check is a test in the file that is named, so that it runs with the suite."""
    checks = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    assert len(checks) > 30
    for file, name in checks:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        found = {one.name for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))}
        assert name in found, f"{file} has no {name}"


def _calls(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def _imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_no_data_is_run() -> None:
    """Nothing in the package evaluates text, and nothing unpickles or loads YAML."""
    for path, source in SOURCES.items():
        assert not {"eval", "exec", "compile", "__import__"} & set(_calls(source)), path
        assert not {"pickle", "marshal", "shelve", "yaml", "jinja2"} & set(_imports(source)), path


def test_one_module_knows_the_network() -> None:
    """Clients of the network are imported by the transport and by the Redis log alone; nobody else phones anyone."""
    clients = {"aiohttp", "requests", "httpx", "urllib3", "ftplib", "smtplib", "redis"}
    users = {path.name for path, source in SOURCES.items() if clients & set(_imports(source))}
    users -= {path.name for path in SOURCES if "sandbox" in path.parts}
    assert users == {"http.py", "redis.py"}
