"""The create-once protocol as a model of one row, explored exhaustively: every crash, every fate, every delay.

The model is the protocol of RELIABILITY.md 1.3 and nothing else. Choices: a crash before or after each durable step,
what becomes of each sending, how late the server commits and how late a search shows it, a wall clock that jumps
while the process is down. The mutants leave one rule out each, and each is caught: so the rules are all needed.
"""

from collections import Counter
from collections.abc import Callable

import pytest
from msgspec import Struct

COMMIT, LAG, PATIENCE = 3, 2, 1
"""D, L and the client's own timeout, in ticks."""
MOST_CRASHES, MOST_SENDS = 2, 3


class CrashError(Exception):
    """The process is gone; the journal and the server stay."""


class Choices:
    """One path through all choices: `before` are those that were made, the rest take the first."""

    def __init__(self, before: list[int]) -> None:
        self._before = before
        self.made: list[tuple[int, int]] = []

    def pick(self, count: int) -> int:
        place = len(self.made)
        chosen = self._before[place] if place < len(self._before) else 0
        self.made.append((chosen, count))
        return chosen


def explore(play: Callable[[Choices], str]) -> Counter[str]:
    """Return how often each ending is reached, over all paths."""
    before: list[int] = []
    endings: Counter[str] = Counter()
    while True:
        choices = Choices(before)
        endings[play(choices)] += 1
        made = choices.made
        while made and made[-1][0] == made[-1][1] - 1:
            made.pop()
        if not made:
            return endings
        before = [chosen for chosen, _ in made]
        before[-1] += 1


class Rules(Struct, frozen=True, kw_only=True):
    """The protocol, or a mutant of it."""

    quiet: int = COMMIT + LAG
    has_intent: bool = True
    reads_back: bool = True
    uses_wall_clock: bool = False
    audits: bool = True


class Play:
    """One row on its way. Mutable state: the time, what the server holds, the journal, crashes and sendings."""

    def __init__(self, rules: Rules, choices: Choices, *, commit: int = COMMIT, lag: int = LAG) -> None:
        self.rules = rules
        self.choices = choices
        self.commit = commit
        self.time = 0
        self.wall = 0  # how far the wall clock is ahead of the time
        self.commits: list[int] = []
        self.lag = choices.pick(lag + 1)
        self.journal: list[tuple[str, int]] = []
        self.crashes = self.sends = 0
        self.was_absent = False

    def ending(self) -> str:
        for boot in range(MOST_CRASHES + 1):
            if boot and self.rules.uses_wall_clock:
                self.wall += (0, self.rules.quiet + COMMIT)[self.choices.pick(2)]
            try:
                self.run()
            except CrashError:
                continue
            break
        return self.verdict()

    def run(self) -> None:
        while True:
            state = self.journal[-1] if self.journal else None
            if state is not None and state[0] in {"done", "twice"}:
                return
            if state is not None and state[0] == "intent" and self.rules.reads_back:
                self.read_back(state[1])
                continue
            if self.sends == MOST_SENDS:
                return
            self.send()

    def send(self) -> None:
        if self.rules.has_intent:
            self.write("intent")
        self.sends += 1
        fate = self.choices.pick(3)
        if fate == 0:  # answered
            delay = self.choices.pick(min(self.commit, PATIENCE) + 1)
            self.commits.append(self.time + delay)
            self.time += delay
            self.may_crash()
            self.write("done")
        elif fate == 1:  # lost on the way there
            self.time += PATIENCE
            self.may_crash()
        else:  # executed, and the answer lost
            self.commits.append(self.time + self.choices.pick(self.commit + 1))
            self.may_crash()
            self.time += PATIENCE

    def read_back(self, since: int) -> None:
        """Wait the quiet period, which begins anew with each start, and look."""
        if self.rules.uses_wall_clock:
            self.time = max(self.time, since + self.rules.quiet - self.wall)
        else:
            self.time += self.rules.quiet
        self.may_crash()
        found = [at for at in self.commits if at + self.lag <= self.time]
        self.was_absent = self.was_absent or not found
        self.write("twice" if len(found) > 1 else "done" if found else "absent")

    def write(self, what: str) -> None:
        """Make a record durable; a crash may come just before and just after."""
        self.may_crash()
        self.journal.append((what, self.time + self.wall))
        self.may_crash()

    def may_crash(self) -> None:
        if self.crashes < MOST_CRASHES and self.choices.pick(2):
            self.crashes += 1
            raise CrashError

    def verdict(self) -> str:
        said = self.journal[-1][0] if self.journal else "nothing"
        if self.rules.audits and said == "done" and self.was_absent:
            self.time += 2 * self.rules.quiet
            said = "twice" if sum(at + self.lag <= self.time for at in self.commits) > 1 else said
        held = len(self.commits)
        if held > 1:
            return "listed twice" if said == "twice" else "silently twice"
        if said == "done" and not held:
            return "silently lost"
        return "once" if said == "done" else "open"


def test_the_protocol_neither_loses_nor_doubles() -> None:
    """Over all paths a row is there once and known to be, or it is open and the next run goes on."""
    endings = explore(lambda choices: Play(Rules(), choices).ending())
    assert set(endings) == {"once", "open"}
    assert endings["once"] > 1_000
    assert endings.total() > 3_000


MUTANTS = {
    "no intent": Rules(has_intent=False),
    "sent again blindly": Rules(reads_back=False),
    "looked at once": Rules(quiet=0),
    "only the lag waited for": Rules(quiet=LAG),
    "only the commit waited for": Rules(quiet=COMMIT),
    "the client's patience deducted": Rules(quiet=COMMIT + LAG - PATIENCE - 1),
    "the wall clock believed": Rules(uses_wall_clock=True),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_every_rule_is_needed(name: str) -> None:
    """Each mutant doubles a row on some path; without an audit nobody would hear of it."""
    rules = MUTANTS[name]
    silent = Rules(
        quiet=rules.quiet,
        has_intent=rules.has_intent,
        reads_back=rules.reads_back,
        uses_wall_clock=rules.uses_wall_clock,
        audits=False,
    )
    assert explore(lambda choices: Play(silent, choices).ending())["silently twice"] > 0


def test_a_broken_assumption_is_listed() -> None:
    """When the server commits later than D, rows are doubled, and the audit lists what it can see by then."""
    late = explore(lambda choices: Play(Rules(), choices, commit=2 * COMMIT).ending())
    unaudited = explore(lambda choices: Play(Rules(audits=False), choices, commit=2 * COMMIT).ending())
    assert unaudited["silently twice"] > 0
    assert late["silently twice"] == 0
    assert late["listed twice"] > 0
