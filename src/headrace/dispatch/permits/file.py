"""The permit log in files: shared by the processes of one machine, and not forgotten when they end.

A folder holds the windows of one API, each in a file of its own (`page`), so that whoever shares a window shares its
file, whatever the token. A step locks the folder, reads what others have added, decides, and writes before it lets go:
a permit is on disk before it is given. What a process has not ended when it dies (`presence`) is lost, and counts for
as long as it can.

Files and not SQLite, which takes ten times as long for a step that the event loop waits for. Nothing is synced: death
of the process loses nothing. A power cut may take the last seconds; if requests were under way, as far as can be seen,
the windows then count as spent.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.dispatch.clock import Clock, boottime
from headrace.dispatch.permits import Answer, Lease, PermitLog, Unknown, Wait, Window
from headrace.dispatch.permits.boot import boot_number
from headrace.dispatch.permits.folder import FolderLock, state_folder
from headrace.dispatch.permits.memory import LINGER, MemoryLog
from headrace.dispatch.permits.page import Page
from headrace.dispatch.permits.presence import Presence, is_present, sweep
from headrace.dispatch.permits.record import Kind, Moment, Record
from headrace.dispatch.permits.toil import microseconds
from headrace.dispatch.permits.watchers import Watchers
from headrace.identity import digest

POLL: Final = 1.0
"""Seconds after which to ask again while requests of other processes are under way: nobody tells us of their end."""
BUSY: Final = 0.02
"""Seconds after which to ask again when another process would not let us at the files."""
OUTLIVED: Final = 1_200.0
"""Seconds after its grant by which a permit has been used or never will be: a pause, the pacer and the request."""
UNSEEN: Final = 120.0
"""Seconds after a grant during which more may have been sent that the disk has not seen, if the power was cut."""
_OPENING: Final = 5.0
"""Seconds that opening and closing wait for the lock."""


class FileLog:
    """Keeps the permits of all processes that use `folder`; see `PermitLog` for what its methods promise.

    `linger` is how many seconds after a loss the server may still count the request, for all of them the same. `clock`
    is the machine's, whose start `boot` names; `wall` is only asked about records of before. To be closed. Raises
    `OSError` where the folder cannot be used. Once open, it does without the disk where it must: permits are then
    kept in memory, unseen by others, until they can be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        linger: float = LINGER,
        clock: Clock = boottime,
        wall: Clock = time.time,
        boot: int | None = None,
    ) -> None:
        self._folder = folder
        self._linger = linger
        self._clock = clock
        self._wall = wall
        self._boot = boot_number() if boot is None else boot
        self._lock = FolderLock(folder)
        try:
            self._presence = self._announced()
        except BaseException:
            self._lock.close()
            raise
        # Mutable state: the pages of every window seen so far, by key, the numbers of our permits that have not ended,
        # and when we last looked who is dead.
        self._pages: dict[str, Page] = {}
        self._under_way: set[int] = set()
        self._looked_at = -math.inf
        self._numbers = count(1)
        self._watchers = Watchers()

    def take(self, windows: tuple[Window, ...]) -> Answer:
        """See `PermitLog.take`."""
        with self._turn(windows) as turn:
            if not turn.is_ours:
                return Wait(BUSY)
            if turn.free_at() > turn.moment.now and self._bury_now_and_then(turn):
                turn.expire()
            free_at = turn.free_at()
            if free_at > turn.moment.now:
                return self._refusal(turn, free_at)
            number = next(self._numbers)
            self._under_way.add(number)
            turn.note(Kind.GRANTED, self._presence.owner, number)
        return Lease(number, windows)

    def settle(self, lease: Lease) -> None:
        """See `PermitLog.settle`."""
        self._end(lease, Kind.SETTLED)
        self._watchers.answered()

    def lost(self, lease: Lease) -> None:
        """See `PermitLog.lost`."""
        self._end(lease, Kind.LOST)
        self._watchers.answered()

    def refund(self, lease: Lease) -> None:
        """See `PermitLog.refund`."""
        self._end(lease, Kind.REFUNDED)
        self._watchers.notify()

    def used(self, window: Window) -> int:
        """See `PermitLog.used`."""
        with self._turn((window,)) as turn:
            return turn.pages[0].book.used(window, turn.moment)

    def releases(self, window: Window) -> Sequence[float]:
        """See `PermitLog.releases`."""
        with self._turn((window,)) as turn:
            return turn.pages[0].book.releases(window, turn.moment)

    def past(self, window: Window) -> Sequence[tuple[float, int]]:
        """See `PermitLog.past`."""
        with self._turn((window,)) as turn:
            return [(turn.moment.now - at, number) for at, number in turn.pages[0].book.slots.past()]

    def worked(self, key: str, since: float, now: float, seconds: float) -> float:
        """See `PermitLog.worked`."""
        with self._turn((Window(key, "", 0, 0.0),)) as turn:
            if seconds > 0:
                turn.pages[0].note(turn.moment.record(Kind.WORKED, 0, microseconds(seconds), now), turn.moment)
            return turn.pages[0].book.toil.since(since)

    def watch(self, wake: Callable[[], None]) -> None:
        """See `PermitLog.watch`."""
        self._watchers.add(wake)

    def close(self) -> None:
        """Let go of the files. Permits that have not ended count as lost from now on."""
        with self._lock.held(_OPENING) as is_ours:
            for page in self._pages.values():
                if is_ours:
                    page.refresh(self._moment())
                    page.flush(self._moment())
                page.close()
        self._presence.withdraw()
        self._lock.close()

    def _announced(self) -> Presence:
        with self._lock.held(_OPENING) as is_ours:
            if not is_ours:
                raise TimeoutError(f"{self._folder} is locked by another process")
            sweep(self._folder)
            return Presence.announce(self._folder)

    def _end(self, lease: Lease, kind: Kind) -> None:
        self._under_way.discard(lease.number)
        with self._turn(lease.windows) as turn:
            turn.note(kind, self._presence.owner, lease.number)

    def _refusal(self, turn: "_Turn", free_at: float) -> Answer:
        # Others' requests may be answered, or not have been sent, earlier than the log can say.
        is_shared = any(page.book.has_others(self._presence.owner) for page in turn.pages)
        seconds = min(free_at - turn.moment.now, POLL if is_shared else math.inf)
        if seconds == math.inf or any(page.book.slots.lingering for page in turn.pages):
            self._watchers.await_answer()
        return Unknown() if seconds == math.inf else Wait(seconds)

    @contextmanager
    def _turn(self, windows: tuple[Window, ...]) -> Iterator["_Turn"]:
        """Give the pages of `windows` as they are now, and write what was noted; without the lock, some time later."""
        new = [window for window in windows if window.key not in self._pages]
        pages = [self._page_of(window) for window in windows]
        with self._lock.held() as is_ours:
            turn = _Turn(self._moment(), windows, pages, is_ours)
            if is_ours:
                for page in pages:
                    page.refresh(turn.moment)
            turn.expire()
            if new and is_ours:
                self._bury(turn)
            yield turn
            if is_ours:
                for page in pages:
                    page.flush(turn.moment)

    def _page_of(self, window: Window) -> Page:
        page = self._pages.get(window.key)
        if page is None:
            name = digest(b"permits", window.key.encode()).hex()
            page = self._pages[window.key] = Page(self._folder / f"{name}.permits", self._linger)
        page.need(window.hold)
        return page

    def _moment(self) -> Moment:
        return Moment(self._boot, self._clock(), self._wall())

    # What the dead have left...

    def _bury_now_and_then(self, turn: "_Turn") -> bool:
        """Look for the dead again, if it is long enough since the last time; tell whether it was."""
        if turn.moment.now < self._looked_at + POLL:
            return False
        self._bury(turn)
        return True

    def _bury(self, turn: "_Turn") -> None:
        """Note as lost what dead logs have not ended, and what we have and the file no longer says so."""
        self._looked_at = turn.moment.now
        me = self._presence.owner
        owners = {owner for page in turn.pages for owner, _ in page.book.under_way} - {me}
        dead = {owner for owner in owners if not is_present(self._folder, owner)}
        for page in turn.pages:
            for grant in tuple(page.book.under_way.values()):
                if grant.owner in dead or (grant.owner == me and grant.number not in self._under_way):
                    for record in _last_words(grant, turn.moment):
                        page.note(record, turn.moment)

    def __repr__(self) -> str:
        held = ", ".join(f"{page.book.slots.used} in {key}" for key, page in self._pages.items())
        return f"<FileLog: {held or 'nothing held'}>"


class _Turn(Struct, frozen=True):
    """One step on the pages of `windows`; `is_ours` says whether it has the lock."""

    moment: Moment
    windows: tuple[Window, ...]
    pages: list[Page]
    is_ours: bool

    def note(self, kind: Kind, owner: int, number: int) -> None:
        """Note what happens to a permit, on every page."""
        record = self.moment.record(kind, owner, number)
        for page in self.pages:
            page.note(record, self.moment)

    def expire(self) -> None:
        """Forget what the server cannot count any longer."""
        for page in self.pages:
            page.book.expire(self.moment)

    def free_at(self) -> float:
        """Return the instant from which all the windows have room, infinity where only an answer can tell."""
        pairs = zip(self.windows, self.pages, strict=True)
        return max((page.book.free_at(window, self.moment) for window, page in pairs), default=-math.inf)


def _last_words(grant: Record, moment: Moment) -> Iterator[Record]:
    """Yield what to note about a permit whose log is dead: it was used before, if ever."""
    granted_at = moment.instant(grant)
    if grant.boot != moment.boot:
        # The machine itself went down, in the middle of it: the disk may not have seen the last.
        yield moment.record(Kind.SPENT, 0, 0, min(moment.now, granted_at + UNSEEN))
    yield moment.record(Kind.LOST, grant.owner, grant.number, min(moment.now, granted_at + OUTLIVED))


@contextmanager
def open_log(
    provider: str,
    base_url: str,
    *,
    notice: Callable[[str], None],
    linger: float = LINGER,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[PermitLog]:
    """Give the log of all processes of this machine that use the API at `base_url`, and close it at the end.

    Whose windows they are is said by `Window.key`; file names hold digests of it and nothing else. Where there is no
    place for it on disk, it is in memory: `notice` is then told so, in a sentence for the user.
    """
    try:
        log = FileLog(_folder_of(provider, base_url, environment), linger=linger)
    except OSError as error:
        notice(f"The budget is not remembered after this run, nor shared with others: {error}.")
        yield MemoryLog(linger=linger)
        return
    try:
        yield log
    finally:
        log.close()


def _folder_of(provider: str, base_url: str, environment: Mapping[str, str]) -> Path:
    # The number is that of the form of the files: another form is another folder.
    return state_folder(environment) / "permits-2" / digest(provider.encode(), base_url.encode()).hex()
