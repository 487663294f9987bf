"""Do the invariants' tests have teeth? Each mutant is a small mistake in the budget; a test has to fail for it.

    python tests/budget/mutants.py [WORDS]

Not collected by pytest: it takes minutes. Every mutant is a copy of `src` with one replacement, in a folder of its own;
the tests of `ORDER` run against it, those of the mutated room first, and the first that fails is named in the table.
With WORDS, only mutants whose description holds one of them are run. The status is the number of survivors.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ORDER = ("limits", "order", "log", "pause", "file_log", "counter", "foreign", "work")
PATIENCE = 300.0
"""Seconds: a mutant that makes a test run for ever is caught as well."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: in `file` (below `dispatch/`) `old` is replaced by `new`. `first` are the tests to begin with."""

    what: str
    file: str
    old: str
    new: str
    first: str = "limits"


SLOTS, MEMORY, FILE, GATE = "permits/slots.py", "permits/memory.py", "permits/file.py", "gate.py"
HISTORY, RECORD, PAGE = "permits/history.py", "permits/record.py", "permits/page.py"

MUTANTS = (
    # What is held, and for how long
    Mutant("requests under way hold no slot", SLOTS, "return self.unanswered + len", "return len"),
    Mutant("one slot too many", SLOTS, "excess = self.used + 1 - calls", "excess = self.used - calls"),
    Mutant(
        "slots come free a tick early",
        SLOTS,
        "instants[excess - 1] + self.hold",
        "instants[excess - 1] + self.hold - 0.1",
    ),
    Mutant(
        "what comes out of order is not sorted in", SLOTS, "insort(instants, at)", "instants.append(at)", "file_log"
    ),
    Mutant("the last hold wins, not the longest", SLOTS, "self.hold = max(self.hold, hold)", "self.hold = hold", "log"),
    Mutant("a lost request does not linger", MEMORY, "append(now + self._linger)", "append(now)"),
    Mutant(
        "only the last window is asked",
        MEMORY,
        "free_at = max(free_at, slots.free_at(window, now))",
        "free_at = slots.free_at(window, now)",
    ),
    Mutant(
        "a refund is kept as spent",
        MEMORY,
        "for _ in self._answered(lease, self._clock()):\n            pass",
        "for slots in self._answered(lease, self._clock()):\n            slots.count(self._clock(), self._clock())",
    ),
    Mutant(
        "an answer wakes nobody",
        MEMORY,
        "slots.count(now, now)\n        self._watchers.answered()",
        "slots.count(now, now)",
        "order",
    ),
    Mutant(
        "who waits for lingering ones is not woken",
        MEMORY,
        " or any(slots.lingering for slots in touched)",
        "",
        "order",
    ),
    # Who goes when
    Mutant("a cancelled grant is not given back", GATE, "self._log.refund(waiter.result())", "pass"),
    Mutant(
        "the last comes first",
        GATE,
        "queue.waiters.popitem(last=False)[1].set_result",
        "queue.waiters.popitem(last=True)[1].set_result",
        "order",
    ),
    Mutant("lanes have no rank", GATE, "return self.lane, next", "return Lane.ROWS, next", "order"),
    Mutant("who cannot go holds up who can", GATE, "sleep = min(sleep, seconds)", "return seconds", "order"),
    Mutant("idle for half a second", GATE, "SHORTEST_SLEEP: Final = 1e-3", "SHORTEST_SLEEP: Final = 0.5", "order"),
    Mutant(
        "a newcomer at the head is granted aside",
        GATE,
        "if len(queue.waiters) == 1:",
        "if len(queue.waiters) < 0:",
        "order",
    ),
    Mutant(
        "the gate does not ask the pacer",
        "pacing.py",
        "return max(0.0, self._empty_at - self.tolerance - self._clock())",
        "return 0.0",
        "order",
    ),
    Mutant("the pace is above the limit", "pacing.py", "FRACTION: Final = 0.95", "FRACTION: Final = 1.05"),
    Mutant(
        "reports do not pay in the general windows",
        "allowance.py",
        "window.routes in {None, route}",
        "window.routes == route",
    ),
    # After a 429
    Mutant(
        "a pause holds nobody",
        GATE,
        "max(self._pause.left(now), self._work.left()",
        "max(0.0, self._work.left()",
        "pause",
    ),
    Mutant(
        "every 429 of a burst is a surprise", "pause.py", "is_new = sent_at >= self._until", "is_new = True", "pause"
    ),
    Mutant(
        "a later 429 shortens the pause",
        "pause.py",
        "self._until = max(self._until, now",
        "self._until = (now",
        "pause",
    ),
    Mutant(
        "a 429 gives its slot back",
        "permit.py",
        "Surprise(now, retry_after, named))\n        self._log.settle(lease)",
        "Surprise(now, retry_after, named))\n        self._log.refund(lease)",
    ),
    Mutant(
        "every 429 cuts", "allowance.py", "if now >= self._cut_at + self._per:", "if now >= self._cut_at:", "foreign"
    ),
    Mutant(
        "what was cut stays cut",
        "allowance.py",
        "return min(1.0, self._left + GROWTH",
        "return min(1.0, self._left + 0 * GROWTH",
        "foreign",
    ),
    Mutant(
        "the profile never engages",
        "allowance.py",
        "self.is_counter_safe = self._is_surprised = True",
        "self._is_surprised = True",
        "counter",
    ),
    # Servers that estimate
    Mutant(
        "one window is remembered, not two",
        HISTORY,
        "self._ats[0] + 2 * hold <= now",
        "self._ats[0] + hold <= now",
        "counter",
    ),
    Mutant(
        "a bucket is as old as its first",
        HISTORY,
        "self._ats[-1] = max(self._ats[-1], at)",
        "self._ats[-1] = self._opened",
        "counter",
    ),
    Mutant(
        "windows that began between are not asked",
        HISTORY,
        "if before > rest >= 0:",
        "if before > rest >= 10**9:",
        "counter",
    ),
    Mutant(
        "those under way weigh nothing",
        SLOTS,
        "window.calls - 1 - self.unanswered - len(self.lingering)",
        "window.calls - 1",
        "counter",
    ),
    # What outlives the process
    Mutant(
        "an answer is written as a refund",
        FILE,
        "self._end(lease, Kind.SETTLED)",
        "self._end(lease, Kind.REFUNDED)",
        "file_log",
    ),
    Mutant(
        "the dead have sent nothing",
        FILE,
        "yield moment.record(Kind.LOST, grant.owner",
        "yield moment.record(Kind.REFUNDED, grant.owner",
        "file_log",
    ),
    Mutant(
        "nobody looks for the dead",
        FILE,
        "dead = {owner for owner in owners if not is_present(self._folder, owner)}",
        "dead = set[int]()",
        "file_log",
    ),
    Mutant(
        "the living are taken for dead",
        FILE,
        "if not is_present(self._folder, owner)}",
        "if is_present(self._folder, owner) or True}",
        "file_log",
    ),
    Mutant(
        "the wall clock on the same boot", RECORD, "if record.boot == self.boot:", "if record.boot == -1:", "file_log"
    ),
    Mutant(
        "what others wrote is not read", PAGE, "elif size > self._end:", "elif size > self._end + 10**9:", "file_log"
    ),
    Mutant("damage is overlooked", PAGE, "if not is_intact:", "if not is_intact and False:", "file_log"),
    Mutant("a torn record stays", PAGE, "elif len(data) % SIZE:", "elif False:", "file_log"),
    Mutant(
        "a rewritten file forgets the past",
        "permits/book.py",
        "for at, number in self.slots.past():",
        "for at, number in ():",
        "counter",
    ),
    # The server's time
    Mutant("a quota is overdrawn", "work.py", "FULL: Final = 0.98", "FULL: Final = 1.2", "work"),
)


def catch(mutant: Mutant, workshop: Path) -> str | None:
    """Return the test that fails for `mutant`, None where all pass."""
    folder = Path(tempfile.mkdtemp(dir=workshop))
    shutil.copytree(ROOT / "src", folder / "src")
    shutil.copytree(ROOT / "tests" / "budget", folder / "tests" / "budget", ignore=shutil.ignore_patterns(".*", "__*"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    room = folder / "src" / "headrace" / "dispatch" / mutant.file
    text = room.read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.what}: {mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times, not once")
    room.write_text(text.replace(mutant.old, mutant.new))
    files = [f"tests/budget/test_budget_{name}.py" for name in dict.fromkeys((mutant.first, *ORDER))]
    try:
        found = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *files],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "src")},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "(runs for ever)"
    if found.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) \S+::(\w+)", found.stdout, re.MULTILINE)
    return failed[1] if failed else f"(pytest ended with {found.returncode})"


def invariants() -> dict[str, str]:
    """Return the invariants that each test's docstring names, by the test's name."""
    named = {}
    for path in sorted((ROOT / "tests").glob("[bd]*/test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                named[node.name] = " ".join(re.findall(r"\bI\d+\b", ast.get_docstring(node) or ""))
    return named


def report(mutants: list[Mutant]) -> Iterator[str | None]:
    """Print what catches each mutant, and yield it."""
    named, width = invariants(), max(len(mutant.what) for mutant in mutants)
    with tempfile.TemporaryDirectory() as workshop, ThreadPoolExecutor(2) as pool:
        for mutant, caught_by in zip(mutants, pool.map(lambda one: catch(one, Path(workshop)), mutants), strict=True):
            by = "SURVIVES" if caught_by is None else f"{named.get(caught_by, ''):<9} {caught_by}"
            print(  # noqa: T201  # it prints its table
                f"{mutant.file:<20} {mutant.what:<{width}}  {by}", flush=True
            )
            yield caught_by


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = [one for one in MUTANTS if not words or any(word in one.what or word in one.file for word in words)]
    sys.exit(sum(caught_by is None for caught_by in report(chosen)))
