"""The permit log in files: the limits hold over crashes and processes, whatever the disk does (I1, I8, I10)."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from budget_scenarios import EPSILON, LINGER, Call, calls, limits, play
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.dispatch.budget import Budget
from headrace.dispatch.permits import Lease, PermitLog, Unknown, Wait, Window
from headrace.dispatch.permits.file import OUTLIVED, POLL, UNSEEN, FileLog, open_log
from headrace.dispatch.permits.folder import state_folder
from headrace.dispatch.permits.memory import MemoryLog
from headrace.dispatch.permits.record import SIZE
from headrace.model import Lane
from headrace.provider import Limit
from headrace.testing import virtual_time
from headrace.testing.servers import worst_window

WINDOW = Window("token:a:3/10s", "3/10s", 3, 10.0)
START = 1_000.0
COUNTED_LATE = 4.0
"""Seconds after a crash at which the server still counts what was under way: less than `LINGER`."""


class Machine:
    """A machine's two clocks, and the logs that were opened on it. `crash` is the death of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = START
        self.wall = 1e9
        self.boot = 1
        self.logs: list[FileLog] = []

    def open(self) -> FileLog:
        log = FileLog(self.folder, linger=LINGER, clock=lambda: self.now, wall=lambda: self.wall, boot=self.boot)
        self.logs.append(log)
        return log

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def restart(self, downtime: float = 0.0) -> None:
        """Pull the plug; the clock since the start begins anew."""
        for log in self.logs:
            crash(log)
        self.logs.clear()
        self.boot += 1
        self.now = 5.0
        self.wall += downtime

    def page(self) -> Path:
        (page,) = self.folder.glob("*.permits")
        return page


def crash(log: FileLog) -> None:
    """Do to the files what the kernel does when a process is killed: close them, and nothing else."""
    for page in log._pages.values():
        page.close()
    for descriptor in (log._presence._descriptor, log._lock._descriptor):
        os.close(descriptor)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "permits"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path / "permits")
    yield machine
    for log in machine.logs:
        log.close()


def taken(log: PermitLog, times: int = 1, window: Window = WINDOW) -> list[Lease]:
    leases = [log.take((window,)) for _ in range(times)]
    assert all(isinstance(lease, Lease) for lease in leases)
    return [lease for lease in leases if isinstance(lease, Lease)]


def test_permits_outlive_the_process(machine: Machine) -> None:
    """I8: what a run has spent, the next one finds spent, and for no longer than it must."""
    log = machine.open()
    for lease in taken(log, 3):
        log.settle(lease)
    log.close()
    machine.logs.clear()
    machine.wait(4)
    log = machine.open()
    assert log.take((WINDOW,)) == Wait(6.0)
    assert list(log.releases(WINDOW)) == [6.0] * 3
    machine.wait(6)
    assert log.used(WINDOW) == 0
    taken(log, 3)


def test_two_logs_share_a_window(machine: Machine) -> None:
    """I10: permits of one log count in the other at once, refunds free them; who waits for others asks soon again."""
    mine, yours = machine.open(), machine.open()
    (first, *_) = taken(mine, 2)
    taken(yours, 1)
    assert mine.take((WINDOW,)) == Wait(POLL)
    mine.refund(first)
    taken(yours, 1)
    assert yours.used(WINDOW) == mine.used(WINDOW) == 3


def test_own_unanswered_requests_are_unknown(machine: Machine) -> None:
    """As in memory: while nobody else has a part in it, only our own answers can change anything."""
    log = machine.open()
    taken(log, 3)
    assert log.take((WINDOW,)) == Unknown()


def test_windows_of_different_owners_are_apart(machine: Machine) -> None:
    """Two tokens of one organization share its window and no other, and a request takes all its windows or none."""
    mine, yours = machine.open(), machine.open()
    organization = Window("organization:o:3/60s", "3/60s", 3, 60.0)
    a, b = (Window(f"token:{token}:2/10s", "2/10s", 2, 10.0) for token in "ab")
    for _ in range(2):
        assert isinstance(mine.take((a, organization)), Lease)
    assert isinstance(yours.take((b, organization)), Lease)
    assert not isinstance(yours.take((b, organization)), Lease)
    assert [yours.used(window) for window in (a, b, organization)] == [2, 1, 3]


def test_the_permits_of_a_dead_process_lapse(machine: Machine) -> None:
    """Unended permits of a killed process are lost when that is noticed, and are held for linger and window more."""
    crash_victim = machine.open()
    taken(crash_victim, 3)
    other = machine.open()
    machine.wait(50)
    assert other.take((WINDOW,)) == Wait(POLL)  # alive, however long it takes
    crash(crash_victim)
    machine.logs.remove(crash_victim)
    machine.wait(POLL)
    assert other.take((WINDOW,)) == Wait(LINGER + 10)
    machine.wait(LINGER + 10)
    taken(other, 3)
    assert len(list(machine.folder.glob("*.alive"))) == 1


def test_the_permits_of_a_process_long_dead_are_gone(machine: Machine) -> None:
    """Whoever comes much later does not wait: the requests were over at the latest after `OUTLIVED`."""
    taken(machine.open(), 3)
    crash(machine.logs.pop())
    machine.wait(OUTLIVED + LINGER + 9)
    log = machine.open()
    assert log.take((WINDOW,)) == Wait(1.0)
    machine.wait(1)
    taken(log, 3)


def test_a_closed_log_leaves_no_permit_under_way(machine: Machine) -> None:
    """Permits that a log has not ended when it is closed count as lost, also for another log of the same process."""
    taken(machine.open(), 3)
    machine.logs.pop().close()
    assert machine.open().take((WINDOW,)) == Wait(LINGER + 10)


DEEDS = st.tuples(
    st.sampled_from(["open", "kill", "take", "take", "take", "settle"]),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5, POLL, 5.0, 10.0, OUTLIVED]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(DEEDS, max_size=25))
def test_a_permit_ends_by_its_owner_or_with_it(deeds: list[tuple[str, int, float]]) -> None:
    """I9: nobody ends the permits of a living process, however long they take; those of a dead one lapse, all of them.

    A log has one owner, whoever else reads its files: the process that holds the lock of its sign of life.
    """
    window = Window("w", "w", 100, 10.0)
    with folder() as place:
        machine = Machine(place)
        observer, alive = machine.open(), [(machine.open(), list[Lease]())]
        for deed, which, pause in deeds:
            machine.wait(pause)
            if deed == "open":
                alive.append((machine.open(), []))
            elif alive:
                log, held = alive[which % len(alive)]
                if deed == "kill":
                    crash(log)
                    alive.remove((log, held))
                elif deed == "take":
                    held += taken(log, window=window)
                elif held:
                    log.settle(held.pop())
            under_way = sum(len(held) for _, held in alive)
            assert observer.used(window) >= under_way
        machine.wait(OUTLIVED)
        observer.take((Window("w", "w", 0, 10.0),))  # looks for the dead, as whoever finds no room does
        machine.wait(LINGER + 10)
        assert observer.used(window) == under_way if deeds else True
        for log in (observer, *(log for log, _ in alive)):
            log.close()


def test_what_is_written_late_counts_from_when_it_happened(machine: Machine) -> None:
    """An answer that could not be written at once is behind later ones in the file, and comes free before them."""
    log, other = machine.open(), machine.open()
    (early,), (late,) = taken(log), taken(other)
    with other._lock.held() as is_held:
        assert is_held
        log.settle(early)
    machine.wait(5)
    other.settle(late)
    log.used(WINDOW)  # writes what it has kept
    fresh = machine.open()
    assert list(fresh.releases(WINDOW)) == [5.0, 10.0]
    machine.wait(5)
    assert fresh.used(WINDOW) == 1
    taken(fresh, 2)
    assert fresh.take((WINDOW,)) == Wait(5.0)


@pytest.mark.parametrize(("downtime", "step", "left"), [(4.0, 0.0, 6.0), (30.0, 0.0, 0.0), (4.0, -500.0, 10.0)])
def test_another_boot_goes_by_the_wall_clock(machine: Machine, downtime: float, step: float, left: float) -> None:
    """After the machine was started again, ages are the wall clock's; what comes from the future came just now."""
    log = machine.open()
    for lease in taken(log, 3):
        log.settle(lease)
    machine.restart(downtime + step)
    answer = machine.open().take((WINDOW,))
    assert isinstance(answer, Wait | Lease)
    assert (answer.seconds if isinstance(answer, Wait) else 0.0) == pytest.approx(left)


@pytest.mark.parametrize("step", [-500.0, 500.0])
def test_a_step_of_the_wall_clock_changes_nothing(machine: Machine, step: float) -> None:
    """I8: as long as the machine runs, ages are those of its own clock: nobody gains by setting the time."""
    log = machine.open()
    for lease in taken(log, 3):
        log.settle(lease)
    machine.wall += step
    assert machine.open().take((WINDOW,)) == Wait(10.0)


def test_a_rewritten_file_keeps_what_holds_no_slot_any_longer(machine: Machine) -> None:
    """I8: what a server that estimates may remember is carried over too, and weighs as much for whoever reads it."""
    window = Window("long", "long", 40, 180.0, per=180.0, is_counter_safe=True)
    log = machine.open()
    for _ in range(40):
        log.settle(taken(log, window=window)[0])
        machine.wait(0.5)
    machine.wait(170)
    assert log.used(window) < 40
    assert sum(number for _, number in log.past(window)) + log.used(window) == 40
    fewer = Window("long", "long", 20, 180.0, per=180.0, is_counter_safe=True)
    before = log.take((fewer,))
    assert isinstance(before, Wait)
    for page in log._pages.values():
        page._rewrite(log._moment())
    fresh = machine.open()
    assert sum(number for _, number in fresh.past(window)) + fresh.used(window) == 40
    answer = fresh.take((fewer,))
    assert isinstance(answer, Wait)
    assert answer.seconds == pytest.approx(before.seconds, abs=180 / 200)


def test_a_power_cut_while_sending_spends_the_window(machine: Machine) -> None:
    """Where the machine went down with a request under way, the disk may have missed others: all count as sent."""
    taken(machine.open(), 1)
    machine.restart(downtime=30)
    log = machine.open()
    assert log.take((WINDOW,)) == Wait(10.0)
    assert (log.used(WINDOW), len(log.releases(WINDOW))) == (3, 3)
    machine.wait(10)
    taken(log, 2)  # the lost one is there still
    assert log.used(WINDOW) == 3


def test_a_power_cut_long_ago_costs_nothing(machine: Machine) -> None:
    """The morning after a power cut the windows are free."""
    taken(machine.open(), 1)
    machine.restart(downtime=UNSEEN + OUTLIVED + LINGER + 10)
    taken(machine.open(), 3)


@pytest.mark.parametrize("cut", range(1, SIZE))
def test_a_record_cut_short_was_never_acted_upon(tmp_path: Path, cut: int) -> None:
    """A torn tail is dropped, what stands before it counts, and others write on behind it."""
    machine = Machine(tmp_path / "permits")
    log, other = machine.open(), machine.open()
    log.settle(taken(log)[0])
    with machine.page().open("ab") as file:
        file.write(bytes(range(cut)))
    assert other.used(WINDOW) == 1
    taken(other, 2)
    assert log.used(WINDOW) == 3
    assert machine.open().used(Window(WINDOW.key, "9/10s", 9, 10.0)) == 3  # and nothing was taken for damage
    assert machine.page().stat().st_size % SIZE == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_never_counts_too_little(data: st.DataObject) -> None:
    """Whatever byte is changed, at least what was spent counts as spent: by one who reads anew as by one who knows."""
    with folder() as place:
        machine = Machine(place)
        log = machine.open()
        for lease in taken(log, 2):
            log.settle(lease)
            machine.wait(1)
        content = bytearray(machine.page().read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        machine.page().write_bytes(content)
        fresh = machine.open()
        assert fresh.used(WINDOW) == 3
        assert isinstance(fresh.take((WINDOW,)), Wait)
        assert log.used(WINDOW) == 3
        # If it was the end of a permit, whoever had the permit knows better, and says so when it is short of them.
        machine.wait(POLL)
        assert isinstance(log.take((WINDOW,)), Wait)
        machine.wait(LINGER + 10)
        taken(fresh, 3)
        for each in machine.logs:
            each.close()


@pytest.mark.parametrize("harm", ["truncated", "emptied", "removed", "garbage", "zeros"])
def test_a_file_that_was_tampered_with_is_made_good(machine: Machine, harm: str) -> None:
    """A log that knows better puts back what it knows, and nobody who comes then finds less."""
    log = machine.open()
    log.settle(taken(log)[0])
    taken(log, 2)
    page, content = machine.page(), machine.page().read_bytes()
    match harm:
        case "truncated":
            page.write_bytes(content[: SIZE * 2])
        case "emptied":
            page.write_bytes(b"")
        case "removed":
            page.unlink()
        case "garbage":
            page.write_bytes(content + b"\xff" * SIZE * 3)
        case _:
            page.write_bytes(content + b"\0" * SIZE * 3)
    assert not isinstance(log.take((WINDOW,)), Lease)
    assert not isinstance(machine.open().take((WINDOW,)), Lease)


def test_the_file_stays_small_and_everybody_follows(machine: Machine) -> None:
    """Over many windows the file does not grow, and a log that looks only now and then sees what is true."""
    busy, idle = machine.open(), machine.open()
    for number in range(3_000):
        busy.settle(taken(busy)[0])
        machine.wait(5)
        if number % 250 == 0:
            assert idle.used(WINDOW) == busy.used(WINDOW) > 0
    assert machine.page().stat().st_size < 2_000 * SIZE
    held = taken(idle)
    assert busy.used(WINDOW) == idle.used(WINDOW) == 2
    idle.refund(held[0])
    assert busy.used(WINDOW) == 1


def test_a_rewritten_file_keeps_everything(machine: Machine) -> None:
    """Grants under way, answers, losses, and what a more cautious log still needs are carried over."""
    log, cautious = machine.open(), machine.open()
    longer = Window(WINDOW.key, WINDOW.name, 10, 100.0)
    bold = Window(WINDOW.key, WINDOW.name, 10, 10.0)
    cautious.used(longer)
    first, second, third = taken(log, 3, bold)
    log.settle(first)
    log.lost(second)
    machine.wait(20)
    for page in log._pages.values():
        page._rewrite(log._moment())
    late = machine.open()
    assert late.used(bold) == cautious.used(longer) == log.used(bold) == 3
    assert late.releases(longer) == [80.0, 80.0 + LINGER]
    log.settle(third)
    assert late.releases(longer) == [80.0, 80.0 + LINGER, 100.0]


def test_others_at_the_files_are_not_waited_for(machine: Machine) -> None:
    """While a stopped process has the lock, nothing is granted, ends are noted, and nothing hangs."""
    log, stopped = machine.open(), machine.open()
    lease, _ = taken(log, 2)
    with stopped._lock.held() as is_held:
        assert is_held
        answer = log.take((WINDOW,))
        assert isinstance(answer, Wait)
        assert 0 < answer.seconds < POLL
        log.refund(lease)
        assert log.used(WINDOW) == 1
    assert stopped.used(WINDOW) == 2  # nobody has told it
    log.used(WINDOW)
    assert stopped.used(WINDOW) == 1


def test_a_disk_that_takes_nothing_does_not_end_a_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be written the log keeps the limits by itself; later it writes what it has kept."""
    log, other = machine.open(), machine.open()
    taken(log)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
        log.settle(taken(log)[0])
        taken(log)
        assert log.take((WINDOW,)) == Unknown() or isinstance(log.take((WINDOW,)), Wait)
    assert log.used(WINDOW) == 3
    assert other.used(WINDOW) == 3


def test_nobody_else_can_read_it(machine: Machine) -> None:
    """The folder is its user's alone, and so is every file; no name or content holds what the key says."""
    machine.open().used(Window("token:s3cret:3/10s", "3/10s", 3, 10.0))
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700
    files = list(machine.folder.iterdir())
    assert len(files) == 3
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"s3cret" not in path.name.encode() + path.read_bytes()


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    """Whatever somebody links the files to stays as it was."""
    machine = Machine(tmp_path / "permits")
    log = machine.open()
    log.used(WINDOW)
    page, victim = machine.page(), tmp_path / "victim"
    victim.write_bytes(b"mine")
    page.unlink()
    page.symlink_to(victim)
    taken(log, 3)
    assert not isinstance(log.take((WINDOW,)), Lease)
    assert victim.read_bytes() == b"mine"


# Where it is kept, and what if it cannot be...


def test_the_state_folder_is_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """HEADRACE_STATE_DIR goes before the user's own folder for state, and a relative one there is no such folder."""
    monkeypatch.setattr(sys, "platform", "linux")
    home = Path.home()
    assert state_folder({"HEADRACE_STATE_DIR": "/a", "XDG_STATE_HOME": "/b"}) == Path("/a")
    assert state_folder({"XDG_STATE_HOME": "/b"}) == Path("/b/headrace")
    for none in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "b"}, {"HEADRACE_STATE_DIR": ""}):
        assert state_folder(none) == home / ".local" / "state" / "headrace"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert state_folder({}) == home / "Library" / "Application Support" / "headrace"


def test_without_a_folder_the_budget_is_kept_in_memory(tmp_path: Path) -> None:
    """Where nothing can be written the run goes on, and the user is told once what that means."""
    (tmp_path / "file").write_text("no folder")
    said: list[str] = []
    with open_log("p", "u", notice=said.append, environment={"HEADRACE_STATE_DIR": str(tmp_path / "file")}) as log:
        assert isinstance(log, MemoryLog)
    assert len(said) == 1
    with open_log("p", "u", notice=said.append, environment={"HEADRACE_STATE_DIR": str(tmp_path / "new")}) as log:
        assert isinstance(log, FileLog)
        log.settle(taken(log)[0])
    assert len(said) == 1
    with open_log("p", "u", notice=said.append, environment={"HEADRACE_STATE_DIR": str(tmp_path / "new")}) as log:
        assert log.used(WINDOW) == 1
    with open_log("p", "v", notice=said.append, environment={"HEADRACE_STATE_DIR": str(tmp_path / "new")}) as log:
        assert log.used(WINDOW) == 0
    assert not list(tmp_path.rglob("*.alive"))


# The suite of the log in memory...


def _file_log(place: Path) -> FileLog:
    return FileLog(place, linger=LINGER, clock=virtual_time.clock, wall=virtual_time.clock, boot=1)


def _budget(windows: Sequence[Limit], log: PermitLog) -> Budget:
    return Budget(windows, log=log, pacer=None, slack=0, clock=virtual_time.clock)


@settings(max_examples=60, deadline=None)
@given(limits(), limits("reports"), st.lists(calls, min_size=1, max_size=25), st.integers(1, 3))
def test_no_window_is_exceeded_by_several_logs(
    general: list[Limit], reports: list[Limit], scenario: list[Call], processes: int
) -> None:
    """I1: one log, or several on the same files, whatever becomes of the requests: no window counts too many."""
    windows = [*general, *reports]
    with folder() as place:
        logs = [_file_log(place) for _ in range(processes)]

        async def main() -> list[tuple[str | None, float]]:
            shares = [scenario[number::processes] for number in range(processes)]
            traces = await asyncio.gather(
                *(play(_budget(windows, log), share) for log, share in zip(logs, shares, strict=True))
            )
            await asyncio.sleep(LINGER + 100)
            assert [
                log.used(Window(f"token::{limit.name}", "", 1, limit.per)) for log in logs for limit in windows
            ] == [0] * (processes * len(windows))
            for log in logs:
                log.close()
            return [(route, at) for trace in traces for route, times in trace.arrivals.items() for at in times]

        arrivals = virtual_time.run(main)
    for limit in windows:
        counted = [at for route, at in arrivals if limit.routes in {None, route}]
        assert worst_window(counted, limit.per - EPSILON) <= limit.calls


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "settle", "lose", "refund"]),
        st.integers(0, 1),
        st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.5, 5.0]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4), st.sampled_from([1.0, 4.0, 10.0]), steps)
def test_it_answers_as_the_log_in_memory(calls_allowed: int, hold: float, course: list[tuple[str, int, float]]) -> None:
    """Alone on its files, it gives the same answers at the same times as the log in memory."""
    window = Window("w", "w", calls_allowed, hold)
    with folder() as place:
        machine = Machine(place)
        kept, plain = machine.open(), MemoryLog(linger=LINGER, clock=lambda: machine.now)
        leases: list[tuple[Lease, Lease]] = []
        for deed, which, pause in course:
            machine.wait(pause)
            if deed == "take":
                ours, theirs = kept.take((window,)), plain.take((window,))
                assert ours == theirs
                if isinstance(ours, Lease) and isinstance(theirs, Lease):
                    leases.append((ours, theirs))
            elif leases:
                ended = leases.pop(-which)
                for log, lease in zip((kept, plain), ended, strict=True):
                    {"settle": log.settle, "lose": log.lost, "refund": log.refund}[deed](lease)
            assert kept.used(window) == plain.used(window)
            assert kept.releases(window) == plain.releases(window)
        kept.close()


crashes = st.lists(
    st.tuples(st.sampled_from([0.5, 1.0, 2.5, 7.0, 20.0]), st.booleans(), st.sampled_from([0.0, 0.5, 3.0, 30.0])),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(limits(), crashes, st.sampled_from([0.0, 0.5, 2.0]), st.integers(1, 8), st.booleans())
def test_no_window_is_exceeded_over_crashes(
    general: list[Limit], course: list[tuple[float, bool, float]], way: float, concurrency: int, is_late: bool
) -> None:
    """I8: runs that are killed, or lose their machine, at any moment: the union of them stays inside the limits.

    What was under way at a crash may be counted right then, or as late as `linger` allows.
    """
    arrivals: list[float] = []

    async def writer(budget: Budget, offset: float, ends_at: float) -> None:
        while True:
            permit = await budget.acquire(None, Lane.ROWS)
            at = virtual_time.clock() + offset
            is_cut = at + way > ends_at
            arrivals.append(ends_at + COUNTED_LATE if is_cut and is_late else min(at + way, ends_at))
            await asyncio.sleep(way or EPSILON)
            permit.settle()

    async def run(log: FileLog, seconds: float, offset: float) -> None:
        budget, ends_at = _budget(general, log), virtual_time.clock() + offset + seconds
        tasks = [asyncio.ensure_future(writer(budget, offset, ends_at)) for _ in range(concurrency)]
        await asyncio.sleep(seconds)
        crash(log)
        log.close = log.settle = log.lost = log.refund = lambda *_: None  # type: ignore[method-assign]  # it is dead
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    offset, boot = 0.0, 1  # true time is the clock of this boot plus the offset
    with folder() as place:
        for seconds, is_machine, downtime in [*course, (40.0, False, 0.0)]:
            # Each run is a loop of its own, whose clock starts anew: as it is when the machine starts again.
            shift = partial(lambda by: virtual_time.clock() + by, offset)
            clock = virtual_time.clock if is_machine else shift
            boot = 1 + boot if is_machine else 1
            log = FileLog(place, linger=LINGER, clock=clock, wall=shift, boot=boot)
            virtual_time.run(run, log, seconds, offset)
            offset += seconds + downtime
    for limit in general:
        assert worst_window(arrivals, limit.per - EPSILON) <= limit.calls


# Real processes...

WORKER = """
import asyncio, sys, time
from pathlib import Path
from headrace.dispatch.budget import Budget
from headrace.dispatch.permits.file import FileLog
from headrace.model import Lane
from headrace.provider import Limit

async def main(folder, seconds):
    log = FileLog(Path(folder), linger=0.2)
    budget = Budget([Limit(10, 0.5), Limit(25, 2)], log=log, pacer=None, slack=0.01)
    ends_at = time.monotonic() + seconds
    async def writer():
        while time.monotonic() < ends_at:
            permit = await budget.acquire(None, Lane.ROWS)
            print(time.clock_gettime(time.CLOCK_MONOTONIC), flush=True)
            await asyncio.sleep(0.02)
            permit.settle()
    await asyncio.wait([asyncio.ensure_future(writer()) for _ in range(4)], timeout=seconds)
    log.close()

asyncio.run(main(sys.argv[1], float(sys.argv[2])))
"""


def _worker(place: Path, seconds: float) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", WORKER, str(place), str(seconds)], stdout=subprocess.PIPE, text=True)


@pytest.mark.real
def test_two_processes_stay_inside_the_limits(tmp_path: Path) -> None:
    """I10: two processes at once, one of them killed and followed by another, on the real clock."""
    first, second = _worker(tmp_path, 3.0), _worker(tmp_path, 3.0)
    time.sleep(1.3)
    first.send_signal(signal.SIGKILL)
    third = _worker(tmp_path, 1.5)
    said = [process.communicate(timeout=30)[0] for process in (first, second, third)]
    sent = [[float(line) for line in text.splitlines() if line] for text in said]
    times = [at for each in sent for at in each]
    assert worst_window(times, 0.5) <= 10
    assert worst_window(times, 2.0) <= 25
    assert len(times) >= 25
    assert (second.returncode, third.returncode) == (0, 0)
    assert not list(tmp_path.glob("*.alive"))
