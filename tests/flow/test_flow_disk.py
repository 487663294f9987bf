"""A whole import on a disk that fills up under it, as a process, against a sandbox that loses answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow_world import hours, write_csv

ROWS = [(*cells, f"{note} {'as long as notes are ' * 60}".strip()) for *cells, note in hours(3_000)]
LOSSES = """
[[fault]]
kind = "drop_after_commit"
method = "POST"
at = [5, 24]

[[fault]]
kind = "drop_before_commit"
method = "POST"
at = [10, 27]
"""


@pytest.mark.real
def test_an_import_survives_a_full_disk(start_sandbox: Callable[..., Any], small_disk: Path, tmp_path: Path) -> None:
    """It stops with exit 5 when there is no room; given room it goes on, and every row is stored exactly once."""
    faults = tmp_path / "faults.toml"
    faults.write_text(LOSSES)
    server = start_sandbox("--window", "off", "--faults", str(faults))
    before = len(server.records("time_entries"))
    file = write_csv(tmp_path / "hours.csv", ROWS)
    command = [sys.executable, "-m", "headrace", "run", str(file), "--to", "productive:time_entries", "--json"]
    command += ["--base-url", server.url, "--no-limits", "--settle-after", "1", "--quiet", "--concurrency", "4"]

    def run() -> tuple[int, dict[str, Any]]:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=small_disk,
            env={**os.environ, **server.environment},
            check=False,
        )
        return ended.returncode, json.loads(ended.stdout)

    code, told = run()
    assert code == 5
    assert 0 < told["done"] < len(ROWS)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    code, told = run()
    assert (code, told["done"], told["in_doubt"]) == (0, len(ROWS), 0)
    stored = server.records("time_entries")[before:]
    assert sorted(one["attributes"]["note"] for one in stored) == sorted(row[4] for row in ROWS)
