"""The ledger of a load against a plain model of it, over any history of runs, kills and changed sources."""

import shutil
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_scene import COLUMNS, NOTED, OUTCOMES, batch, load, names, open_checkpoint, row, settled, source

from headrace.errors import ChangedError
from headrace.ledger.checkpoint import Checkpoint
from headrace.ledger.load import LoadLedger
from headrace.model import Row

NAMES: Final = st.lists(st.integers(0, 6), max_size=12)
TERMINAL: Final = ("done", "rejected", "skipped", "in_doubt", "duplicated")


class LoadMachine(RuleBasedStateMachine):
    """Runs imports of a source that changes, kills them, and keeps count of what must have become of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="headrace-test-"))
        self.folder = self.root / "0"
        self.folder.mkdir()
        self.checkpoint: Checkpoint | None = None
        self.ledger: LoadLedger
        # The model: outcomes by name (rows with one name are alike), and which rows of the source are invalid.
        self.source: list[int] = []
        self.version = 0
        self.fingerprint: bytes | None = None
        self.outcomes: dict[int, Counter[str]] = defaultdict(Counter)
        self.invalid: set[int] = set()
        # Of the present pass: the next row, rows in hand, requests in flight, how many rows of each name came back.
        self.next = 0
        self.hand: list[Row] = []
        self.flying: list[tuple[int, list[Row]]] = []
        self.returned: Counter[int] = Counter()
        self.known_before: Counter[int] = Counter()
        self.is_vanished = False

    @initialize(names=NAMES)
    def begin(self, names: list[int]) -> None:
        self.source = names

    def teardown(self) -> None:
        if self.checkpoint is not None:
            self.checkpoint.close()
        shutil.rmtree(self.root)

    # Runs

    @precondition(lambda self: self.checkpoint is None)
    @rule(has_fingerprint=st.booleans())
    def open(self, has_fingerprint: bool) -> None:
        self.checkpoint = open_checkpoint(self.folder)
        fingerprint = str(self.version).encode() if has_fingerprint else None
        if fingerprint is None or fingerprint != self.fingerprint:
            self.invalid.clear()  # offsets mean other rows now
        self.fingerprint = fingerprint
        self.ledger = load(self.checkpoint, fingerprint)
        self.known_before = Counter({name: sum(kinds.values()) for name, kinds in self.outcomes.items()})
        self.returned.clear()
        self.next = 0
        if self.ledger.must_recognise:
            self.recognise()

    def recognise(self) -> None:
        is_shared = any(self.known_before[name] for name in self.source)
        try:
            self.ledger.recognise(row(0, name).key for name in self.source)
            assert is_shared or not self.source
        except ChangedError:
            assert not is_shared
            self.stop()

    @precondition(lambda self: self.checkpoint is not None and self.next < len(self.source))
    @rule(size=st.integers(1, 4))
    def read(self, size: int) -> None:
        some = source(self.source)[self.next : self.next + size]
        self.next += len(some)
        self.hand += (kept := self.ledger.unsettled(some, COLUMNS))
        self.returned.update(self.source[one.offset] for one in kept)
        if self.next == len(self.source):
            for name, copies in Counter(self.source).items():
                assert self.returned[name] == max(0, copies - self.known_before[name])

    @precondition(lambda self: self.hand)
    @rule(size=st.integers(1, 3))
    def intend(self, size: int) -> None:
        some, self.hand = self.hand[:size], self.hand[size:]
        self.flying.append((self.ledger.intend(batch(some)).result(5), some))
        self.invalid -= {one.offset for one in some}

    @precondition(lambda self: self.flying)
    @rule(place=st.integers(0, 10), how=st.sampled_from(sorted(set(OUTCOMES) - NOTED)))
    def settle(self, place: int, how: str) -> None:
        intent, rows = self.flying.pop(place % len(self.flying))
        self.ledger.settle(intent, settled(rows, how)).result(5)
        for one in rows:
            if how != "not_attempted":
                self.outcomes[self.source[one.offset]][how] += 1
        if how == "not_attempted":
            self.hand += rows

    @precondition(lambda self: self.hand)
    @rule(how=st.sampled_from(sorted(NOTED)))
    def note(self, how: str) -> None:
        one = self.hand.pop(0)
        self.ledger.note(settled([one], how)).result(5)
        if how == "invalid":
            self.invalid.add(one.offset)
        else:
            self.outcomes[self.source[one.offset]][how] += 1
            self.invalid.discard(one.offset)

    @precondition(lambda self: self.checkpoint is not None)
    @rule()
    def stop(self) -> None:
        """End the run in order; what is in flight stays without an answer."""
        assert self.checkpoint is not None
        self.checkpoint.close()
        self._end()

    @precondition(lambda self: self.checkpoint is not None)
    @rule()
    def kill(self) -> None:
        """End the run at once."""
        assert self.checkpoint is not None
        copy = self.root / str(int(self.folder.name) + 1)
        shutil.copytree(self.folder, copy)
        self.checkpoint.close()
        self.folder = copy
        self._end()

    def _end(self) -> None:
        self.checkpoint = None
        for _, rows in self.flying:
            for one in rows:
                self.outcomes[self.source[one.offset]]["in_doubt"] += 1
        self.flying, self.hand = [], []

    @precondition(lambda self: self.checkpoint is not None and self.next == len(self.source))
    @rule()
    def finish(self) -> None:
        """End the pass, and compare the counts and the files with the model."""
        assert self.checkpoint is not None
        self.hand = []
        for intent, rows in self.flying:
            self.ledger.settle(intent, settled(rows, "done")).result(5)
            self.outcomes_of(rows, "done")
        self.flying = []
        self.ledger.finish(len(self.source)).result(5)
        gone = {name: max(0, self.total(name) - copies) for name, copies in self.copies().items()}
        assert self.ledger.counts().rows == len(self.source) + sum(gone.values())
        for kind, kinds in {"success": ["done"], "in-doubt": ["in_doubt"], "duplicates": ["duplicated"]}.items():
            self.compare(kind, Counter({n: sum(self.outcomes[n][one] for one in kinds) for n in self.outcomes}), gone)
        rejects = Counter({name: kinds["rejected"] for name, kinds in self.outcomes.items()})
        rejects.update(self.source[offset] for offset in self.invalid)
        self.compare("rejects", rejects, gone)

    def compare(self, kind: str, expected: Counter[int], gone: dict[int, int]) -> None:
        """Check a results file. Lines lost in a kill come back with their rows, not without them."""
        found = names(self.folder, kind)
        for name in {*expected, *map(int, found)}:
            assert found[str(name)] <= expected[name], kind
            assert found[str(name)] >= expected[name] - gone.get(name, 0), kind

    def outcomes_of(self, rows: list[Row], how: str) -> None:
        for one in rows:
            self.outcomes[self.source[one.offset]][how] += 1

    def total(self, name: int) -> int:
        return sum(self.outcomes[name].values())

    def copies(self) -> dict[int, int]:
        copies = Counter(self.source)
        return {name: copies[name] for name in {*copies, *self.outcomes}}

    # The source between runs

    @precondition(lambda self: self.checkpoint is None)
    @rule(change=st.sampled_from(["sort", "reverse", "append", "insert", "delete", "double"]), name=st.integers(0, 6))
    def change(self, change: str, name: int) -> None:
        now = self.source
        self.source = {
            "sort": sorted(now),
            "reverse": now[::-1],
            "append": [*now, name],
            "insert": [name, *now],
            "delete": now[1:],
            "double": [*now, *now][:15],
        }[change]
        if self.source != now:
            self.version += 1

    @invariant()
    def counts_are_those_of_the_model(self) -> None:
        if self.checkpoint is None:
            return
        counts = self.ledger.counts()
        assert counts.is_conserved
        for kind in TERMINAL:
            assert getattr(counts, kind) == sum(kinds[kind] for kinds in self.outcomes.values()), kind
        assert counts.invalid == len(self.invalid)
        assert counts.not_attempted >= sum(len(rows) for _, rows in self.flying)


LoadMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLoad = LoadMachine.TestCase
