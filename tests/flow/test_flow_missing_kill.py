"""Missing records and SIGKILL: real processes that die at numbered points, and go on."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from flow_world import write_csv
from mortal import POINTS

MORTAL = str(Path(__file__).with_name("mortal.py"))
IMPORT = """provider = "productive"
name = "killed"
[[load]]
resource = "projects"
source = "projects.csv"
key = ["Code"]
[load.fields]
name = "Code"
project_type_id = { value = 2 }
project_manager_id = { value = 201 }
workflow_id = { value = 728 }
company_id = { column = "Client", lookup = "companies", by = "name", create_missing = true }
"""
FAULTS = """
[[fault]]
kind = "drop_after_commit"
method = "POST"
path = "/companies"
probability = 0.2

[[fault]]
kind = "drop_before_commit"
method = "POST"
path = "/companies"
probability = 0.2

[[fault]]
kind = "search_lag"
method = "POST"
path = "/companies"
seconds = 0.8
"""
ROWS = [(f"P{at}", f"Client {at % 9}" if at % 4 else "Globex") for at in range(24)]
MISSING = {client for _, client in ROWS} - {"Globex"}


@pytest.mark.real
@pytest.mark.parametrize("part", range(4))
def test_no_kill_makes_a_client_twice(part: int, tmp_path: Path, start_sandbox: Callable[..., Any]) -> None:
    """Killed at one point after the other while answers are lost and a search lags: every client is there once."""
    (tmp_path / "import.toml").write_text(IMPORT)
    (tmp_path / "faults.toml").write_text(FAULTS)
    write_csv(tmp_path / "projects.csv", ROWS, ("Code", "Client"))
    sandbox = start_sandbox(
        "--window", "off", "--latency", "1-20", "--seed", str(part), "--faults", str(tmp_path / "faults.toml")
    )
    command = [
        "run",
        "import.toml",
        "--base-url",
        sandbox.url,
        "--no-limits",
        "--json",
        "--quiet",
        "--settle-after",
        "2",
    ]
    environment, kills = os.environ | sandbox.environment, 0

    def ended(*trap: str) -> "subprocess.CompletedProcess[bytes]":
        program = [MORTAL, *trap, "--"] if trap else ["-m", "headrace"]
        return subprocess.run(
            [sys.executable, *program, *command],
            check=False,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            timeout=120,
        )

    for number, point in enumerate([*POINTS][part::4], start=1):
        kills += ended(point, str(number)).returncode == -signal.SIGKILL
    assert kills >= 3
    last = next(one for one in (ended() for _ in range(10)) if one.returncode != 7)
    summary = orjson.loads(last.stdout)
    stored = Counter(record["attributes"]["name"] for record in sandbox.records("companies"))
    assert {name: stored[name] for name in MISSING} == dict.fromkeys(MISSING, 1)
    assert sandbox.audit()["duplicates"] == 0
    assert (last.returncode, summary["done"], summary["skipped"]) == (0, len(MISSING) + len(ROWS), 1)
    verified = subprocess.run(
        [sys.executable, "-m", "headrace", "verify", "import.headrace", "--json", "--base-url", sandbox.url],
        check=False,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    assert verified.returncode == 0
    assert orjson.loads(verified.stdout)["checked"] == len(MISSING) + len(ROWS)
