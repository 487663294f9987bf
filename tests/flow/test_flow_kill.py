"""Real processes, real SIGKILL: after any number of kills nothing is there twice and nothing is silently missing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from flow_world import hours, read_csv, write_csv

ROWS = 3_000
REQUESTS, KILLS = 240, 6
"""Kills come when so many requests have arrived, of the 300 that a run without kills takes: not by the clock, because
a fast machine would be done before and a slow one not yet begun."""
SEEDS = range(int(os.environ.get("HEADRACE_KILL_SEEDS", "4")))
"""A soak sets the variable: each seed is a run that is killed six times."""


def notes(path: Path) -> set[str]:
    return {row["note"] for row in read_csv(path)} if path.exists() else set()


def requests(sandbox: Any) -> int:
    found: int = sandbox.audit()["requests"]
    return found


def killed(command: list[str], folder: Path, environment: dict[str, str], is_time: Callable[[], bool]) -> bool:
    """Start `command` and kill it when it is time; tell whether it was still at work then."""
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not is_time():
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.real
@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_import_goes_on(seed: int, tmp_path: Path, start_sandbox: Callable[..., Any]) -> None:
    """Killed again and again and run again: every good row is stored once, and nothing is left in doubt."""
    chance = random.Random(seed)
    sandbox = start_sandbox("--window", "off", "--latency", "1-30", "--seed", str(seed))
    write_csv(tmp_path / "hours.csv", hours(ROWS, bad=[77], invalid=[99]))
    command = [sys.executable, "-m", "headrace", "run", "hours.csv", "--to", "productive:time_entries", "--json"]
    command += ["--base-url", sandbox.url, "--no-limits", "--batch-size", "10", "--quiet", "--settle-after", "2"]
    environment, kills = os.environ | sandbox.environment, 0
    for arrived in sorted(chance.sample(range(1, REQUESTS), KILLS)):
        kills += killed(command, tmp_path, environment, lambda at=arrived: requests(sandbox) > at)
    process = subprocess.run(command, check=False, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, timeout=400)
    out = process.stdout
    summary = orjson.loads(out)
    stored = Counter(record["attributes"]["note"] for record in sandbox.records("time_entries"))
    results = tmp_path / "hours.results"
    done, rejects = notes(results / "time_entries.success.csv"), notes(results / "time_entries.rejects.csv")
    assert kills == KILLS
    assert max(stored.values()) == 1
    assert done == set(stored)
    assert rejects == {"row 77", "row 99"}
    assert done | rejects == {f"row {at}" for at in range(ROWS)}
    assert not (results / "time_entries.in-doubt.csv").exists()
    assert (summary["rows"], summary["done"], summary["in_doubt"]) == (ROWS, ROWS - 2, 0)
    assert process.returncode == 3
    assert sandbox.audit()["duplicates"] == 0


DROPS = """
[[fault]]
kind = "drop_after_commit"
method = "POST"
path = "/time_entries"
probability = 0.05

[[fault]]
kind = "drop_before_commit"
method = "POST"
path = "/time_entries"
probability = 0.05
"""


@pytest.mark.real
def test_five_thousand_rows_with_lost_answers_and_three_kills(
    tmp_path: Path, start_sandbox: Callable[..., Any]
) -> None:
    """Of every tenth request the answer is lost, half of them after it was executed: every valid row is there once."""
    rows, bad, invalid = 5_000, [77, 4_000], [99]
    (tmp_path / "faults.toml").write_text(DROPS)
    sandbox = start_sandbox("--window", "off", "--latency", "1-20", "--faults", str(tmp_path / "faults.toml"))
    write_csv(tmp_path / "hours.csv", hours(rows, bad=bad, invalid=invalid))
    command = [sys.executable, "-m", "headrace", "run", "hours.csv", "--to", "productive:time_entries", "--json"]
    command += ["--base-url", sandbox.url, "--no-limits", "--batch-size", "25", "--quiet", "--settle-after", "2"]
    environment, kills = os.environ | sandbox.environment, 0
    for arrived in (40, 110, 180):
        kills += any(
            killed(command, tmp_path, environment, lambda at=arrived: requests(sandbox) > at)
            for _ in range(5)  # a run that met too many lost answers in a row has ended by itself: the next is killed
        )
    for _ in range(10):  # too many lost answers in a row end a run, which the next one takes up
        ended = subprocess.run(command, check=False, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, timeout=400)
        if ended.returncode != 7:
            break
    summary = orjson.loads(ended.stdout)
    stored = Counter(record["attributes"]["note"] for record in sandbox.records("time_entries"))
    assert kills == 3
    assert stored == Counter(f"row {at}" for at in range(rows) if at not in {*bad, *invalid})
    assert (summary["rows"], summary["done"], summary["rejected"], summary["invalid"]) == (rows, rows - 3, 2, 1)
    assert (summary["in_doubt"], summary["duplicated"], ended.returncode) == (0, 0, 3)
    assert notes(tmp_path / "hours.results" / "time_entries.success.csv") == set(stored)
    assert sandbox.audit()["duplicates"] == 0
    assert sandbox.audit()["faults"]["drop_after_commit"] > 5
