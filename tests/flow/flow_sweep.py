"""The kill sweep: real processes, real SIGKILL at numbered points and at random times, against a server with faults.

`python tests/flow/flow_sweep.py [RUNS [FIRST]]` is the whole sweep, 240 runs by default, and prints its counts. A run
is an import that is killed twice or three times and run again until it ends; the server drops answers before and after
committing, and answers 502 after committing.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import urlopen

import orjson

sys.path.insert(0, str(Path(__file__).parent))

from flow_world import hours, write_csv
from mortal import POINTS

ROWS: Final = 60
BATCH: Final = 5
AT_ONCE: Final = 10
PROVIDER_DOWN: Final = 7
TRIES: Final = 4
NUMBERS: Final = (1, 2, 5, 9)
"""Which time at a point is the last."""
FAULTS: Final = """
[[fault]]
kind = "drop_after_commit"
method = "POST"
path = "/time_entries"
probability = 0.08

[[fault]]
kind = "drop_before_commit"
method = "POST"
path = "/time_entries"
probability = 0.08

[[fault]]
kind = "error_after_commit"
method = "POST"
path = "/time_entries"
probability = 0.05
status = 502
"""
MORTAL: Final = str(Path(__file__).with_name("mortal.py"))


@dataclass
class Tally:
    """What a sweep did and found."""

    runs: int = 0
    kills: int = 0
    duplicates: int = 0
    missing: int = 0
    in_doubt: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.kills} kills: {self.duplicates} duplicates, {self.missing} missing, "
            f"{self.in_doubt} in doubt; wrong: {self.wrong or 'none'}"
        )


@contextmanager
def server(folder: Path, seed: int) -> Iterator[dict[str, str]]:
    """Run a sandbox with faults in a process of its own; give its greeting."""
    faults = folder / "faults.toml"
    faults.write_text(FAULTS)
    command = [sys.executable, "-m", "headrace", "sandbox", "productive", "--port", "0", "--window", "off"]
    command += ["--latency", "1-20", "--seed", str(seed), "--faults", str(faults)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield orjson.loads(process.stdout.readline())
        finally:
            process.terminate()


@dataclass
class Ended:
    """How an import ended."""

    of: "Import"
    name: str
    code: int
    summary: Any


class Import:
    """One import of the sweep, in a folder of its own, of rows that no other import has."""

    def __init__(self, folder: Path, greeting: dict[str, str], number: int) -> None:
        self._folder = folder / f"run-{number}"
        self._folder.mkdir()
        self._greeting = greeting
        self.name = f"import {number} "
        rows = [(*row[:-1], f"{self.name}{row[-1]}") for row in hours(ROWS, bad=[7], invalid=[11])]
        write_csv(self._folder / "hours.csv", rows)
        self.good = {row[-1] for at, row in enumerate(rows) if at not in {7, 11}}
        self.kills = 0

    def _start(self, trap: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
        program = [MORTAL, *trap, "--"] if trap else ["-m", "headrace"]
        options = ["--to", "productive:time_entries", "--base-url", self._greeting["url"], "--no-limits", "--json"]
        options += ["--batch-size", str(BATCH), "--quiet", "--settle-after", "2", "--concurrency", "4"]
        environment = os.environ | {
            "HEADRACE_PRODUCTIVE_TOKEN": self._greeting["token"],
            "HEADRACE_PRODUCTIVE_ORGANIZATION": self._greeting["organization"],
        }
        return subprocess.Popen(
            [sys.executable, *program, "run", "hours.csv", *options],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def die_at(self, point: str, number: int) -> None:
        """Run until the process has killed itself, or has come to its end before."""
        with self._start((point, str(number))) as process:
            process.communicate(timeout=120)
        self.kills += process.returncode == -signal.SIGKILL

    def die_after(self, seconds: float) -> None:
        """Run, and kill the process so many seconds later unless it has ended."""
        with self._start() as process:
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=120)
        self.kills += process.returncode == -signal.SIGKILL

    def finish(self) -> tuple[int, Any]:
        """Run to the end; return code and summary. Five lost answers in a row end a run with 7: then it goes on."""
        for _ in range(TRIES):
            with self._start() as process:
                out, _ = process.communicate(timeout=180)
            if process.returncode != PROVIDER_DOWN:
                break
        return process.returncode, orjson.loads(out)


def stored(greeting: dict[str, str]) -> Counter[str]:
    """Return the notes that the server holds, and how often."""
    url = greeting["url"].replace("/api/v2", "/__sandbox/records/time_entries")
    with urlopen(url, timeout=60) as answer:
        lines = answer.read().splitlines()
    return Counter(orjson.loads(line)["attributes"].get("note", "") for line in lines)


def sweep(folder: Path, cases: Sequence[tuple[int, str, int]]) -> Tally:
    """Run the cases, each a number, a point and which time at it is the last; judge them by what the server holds.

    Several at once, since they mostly wait; all on one server.
    """
    tally = Tally()
    with server(folder, seed=cases[0][0]) as greeting, ThreadPoolExecutor(AT_ONCE) as threads:
        for ended in threads.map(partial(_run, folder, greeting), cases):
            _judge(tally, ended, stored(greeting))
    return tally


def _run(folder: Path, greeting: dict[str, str], case: tuple[int, str, int]) -> "Ended":
    number, point, times = case
    chance = random.Random(number)
    one = Import(folder, greeting, number)
    one.die_at(point, times)
    if chance.random() < 0.7:
        one.die_after(0.3 + chance.random() * 3.5)
    code, summary = one.finish()
    return Ended(one, f"{number}: {point}, {times}", code, summary)


def _judge(tally: Tally, ended: "Ended", held: Counter[str]) -> None:
    one, summary = ended.of, ended.summary
    own = {note: times for note, times in held.items() if note.startswith(one.name)}
    doubles = sum(times - 1 for times in own.values())
    missing = len(one.good - own.keys())
    tally.runs += 1
    tally.kills += one.kills
    tally.duplicates += doubles
    tally.missing += missing
    tally.in_doubt += summary["in_doubt"]
    is_right = (ended.code, summary["done"], summary["rows"], set(own)) == (3, ROWS - 2, ROWS, one.good)
    if doubles or missing or not is_right:
        tally.wrong.append(f"{ended.name} (exit {ended.code}, {summary})")


def cases(runs: int, first: int = 0) -> list[tuple[int, str, int]]:
    """Return so many cases: every point in turn, at every number."""
    grid = [(point, number) for number in NUMBERS for point in POINTS]
    return [(at, *grid[at % len(grid)]) for at in range(first, first + runs)]


def main(runs: int = 240, first: int = 0) -> int:
    """Run the whole sweep and print what came of it."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        os.environ["HEADRACE_STATE_DIR"] = str(Path(folder) / "state")
        tally = sweep(Path(folder), cases(runs, first))
    print(f"{tally}; {time.monotonic() - began:.0f} s")
    return bool(tally.wrong)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
