"""The README runs: every block of it but the two set-up commands, which `.ci/run` runs in a fresh clone."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(?P<kind>\w*)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = ("Try it", "Test it")


def blocks() -> Iterator[tuple[str, str | None, str]]:
    """Yield kind, file name and text of each block outside the set-up chapter."""
    text = README.read_text()
    start, end = text.index("\n## Set up"), text.index("\n## A first import")
    for found in BLOCK.finditer(text[:start] + text[end:]):
        yield found["kind"], found["name"], found["text"]


def test_there_are_exactly_two_set_up_commands() -> None:
    """The chapter on setting up holds two commands, and `.ci/run` names both of them."""
    text = README.read_text()
    chapter = text[text.index("\n## Set up") : text.index("\n## A first import")]
    assert len(BLOCK.findall(chapter)) == 2
    script = (README.parent / ".ci" / "run").read_text()
    assert all(f"### {title}\n" in chapter and f"'{title}'" in script for title in SET_UP)


def test_every_block_is_of_a_kind_that_is_run() -> None:
    """There is no block that nothing executes; the one without a kind is the picture of the flow."""
    kinds = [kind for kind, _, _ in blocks()]
    assert kinds.count("") == 1
    assert set(kinds) == {"", "sh", "csv", "toml", "python"}


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.real
def test_the_readme_is_a_session_that_works(tmp_path: Path) -> None:
    """A reader who saves the files and types the commands in order sees them work; refused rows exit with 3."""
    port = str(a_free_port())
    script = [
        """trap 'code=$?; [ $code -eq 3 ] || { echo "exit $code: $BASH_COMMAND" >&2; kill %1; exit $code; }' ERR"""
    ]
    programs = 0
    for kind, name, text in blocks():
        if name is not None:
            (tmp_path / name).write_text(text)
        elif kind == "sh":
            script.append(text.replace("8400", port))
            if "sandbox" in text:
                script.append(f"until (echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.1; done")
        elif kind == "python":
            programs += 1
            (tmp_path / f"program{programs}.py").write_text(text.replace("8400", port))
            script.append(f"{sys.executable} program{programs}.py")
    script.append("kill %1")
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode in {0, 3}, ran.stderr + ran.stdout
    assert "exit" not in ran.stderr.split("\n")[-1]
    summary = orjson.loads((tmp_path / "import.results" / "summary.json").read_bytes())
    assert (summary["rows"], summary["done"], summary["skipped"]) == (10, 9, 1)
    hours = orjson.loads((tmp_path / "hours.results" / "summary.json").read_bytes())
    assert (hours["done"], hours["invalid"]) == (2, 1)
    assert "Done(" in ran.stdout
    assert "Invalid(" in ran.stdout


def test_every_command_is_in_the_readme() -> None:
    """A command that the README does not show is a command that nobody finds."""
    listed = subprocess.run([sys.executable, "-m", "headrace", "--help"], capture_output=True, text=True, check=True)
    commands = re.findall(r"^  (\w+)  ", listed.stdout.split("Commands:")[1], re.MULTILINE)
    assert len(commands) >= 7
    text = README.read_text()
    assert [command for command in commands if f"headrace {command}" not in text] == []
