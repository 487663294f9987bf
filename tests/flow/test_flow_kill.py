"""Real processes, real SIGKILL: after any number of kills nothing is there twice and nothing is silently missing."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from flow_world import hours, read_csv, write_csv

ROWS = 3_000
SEEDS = range(int(os.environ.get("HEADRACE_KILL_SEEDS", "4")))
"""A soak sets the variable: each seed is a run that is killed up to eight times."""


def notes(path: Path) -> set[str]:
    return {row["note"] for row in read_csv(path)} if path.exists() else set()


@pytest.mark.real
@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_import_goes_on(seed: int, tmp_path: Path, start_sandbox: Callable[..., Any]) -> None:
    """Killed again and again and run again: done rows are stored once, and all others are named."""
    chance = random.Random(seed)
    sandbox = start_sandbox("--window", "off", "--latency", "1-30", "--seed", str(seed))
    write_csv(tmp_path / "hours.csv", hours(ROWS, bad=[77], invalid=[99]))
    command = [sys.executable, "-m", "headrace", "run", "hours.csv", "--to", "productive:time_entries", "--json"]
    command += ["--base-url", sandbox.url, "--no-limits", "--batch-size", "10", "--quiet"]
    process: subprocess.Popen[bytes]
    kills = 0
    for attempt in range(40):
        process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | sandbox.environment, stdout=subprocess.PIPE)
        try:
            out, _ = process.communicate(timeout=0.6 + chance.random() if attempt < 8 else 60)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
    summary = orjson.loads(out)
    stored = Counter(record["attributes"]["note"] for record in sandbox.records("time_entries"))
    results = tmp_path / "hours.results"
    done, doubt = notes(results / "time_entries.success.csv"), notes(results / "time_entries.in-doubt.csv")
    rejects = notes(results / "time_entries.rejects.csv")
    everything = {f"row {at}" for at in range(ROWS)}
    assert kills
    assert max(stored.values()) == 1
    assert done <= set(stored) <= done | doubt
    assert done | doubt | rejects == everything
    assert (summary["rows"], summary["done"], summary["in_doubt"]) == (ROWS, len(done), len(doubt))
    assert summary["not_attempted"] == 0
    assert process.returncode == (4 if doubt else 3)
    assert sandbox.audit()["duplicates"] == 0
