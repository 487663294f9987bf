"""The benchmarks run: a figure that cannot be had any more is found out here, not when somebody wants it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

SCENES = ("an import", "the same again, all done", "two loads, the second referring to the first")
LINES = {
    "intake": 11,
    "encode": 7,
    "path, bulk of 100 into the sink": 4,
    "path, single rows into the sink": 4,
    "path, bulk of 100 into the sandbox": 2,
    "path, single rows into the sandbox": 2,
    **{f"memory, {scene}": 2 for scene in SCENES},
}
"""How many lines each table has."""


def run(*arguments: object) -> str:
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.real
def test_every_figure_is_measured_and_shown(tmp_path: Path) -> None:
    """All tables come with all their lines, on the terminal and as JSON, and each figure is a real one."""
    file = tmp_path / "figures.json"
    shown = run("intake", "encode", "path", "memory", "--rows", 500, "--rounds", 1, "--json", file)
    tables = json.loads(file.read_bytes())["tables"]
    assert {table["name"]: len(table["figures"]) for table in tables} == LINES
    for table in tables:
        assert f"{table['name']}: {table['about']}\n" in shown
        for figure in table["figures"]:
            assert f"\n{figure['name']}" in shown
            assert_real(figure)


def assert_real(figure: dict[str, Any]) -> None:
    """Assert that there is a measurement behind a figure: without one it would be zero, or not there."""
    for key in ("rows", "rows_per_second", "cpu_us_per_row", "speed", "lean"):
        assert figure[key] > 0, (figure["name"], key)


@pytest.mark.real
def test_a_wrong_name_is_said_and_nothing_is_measured() -> None:
    """A benchmark that there is not ends with what there is."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "intakes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "intakes" in done.stderr
    assert "encode" in done.stderr
