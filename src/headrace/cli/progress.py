"""The progress of a run while it goes on: redrawn on a terminal, a line now and then elsewhere, or nothing."""

import sys
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Protocol, Self

import anyio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from headrace.cli import terminal
from headrace.cli.screen import console, plain
from headrace.cli.text import clean, clock, count
from headrace.model import WindowUse
from headrace.progress import Progress, Snapshot

_BAR: Final = 32
"""Width of a bar in characters."""


class Speed:
    """Rows settled per second, over the last few seconds. Mutable state: the moments that it looks back on."""

    SPAN: Final = 10.0
    """Seconds: as long as the shortest rate window, so that bursts and pauses even out."""
    MOMENTS: Final = 200

    def __init__(self) -> None:
        self._moments: deque[tuple[float, int]] = deque(maxlen=self.MOMENTS)

    def after(self, snapshot: Snapshot) -> float | None:
        """Return the speed in rows per second, `snapshot` being the latest moment; None until there are two."""
        self._moments.append((snapshot.seconds, snapshot.counts.settled))
        while len(self._moments) > 2 and snapshot.seconds - self._moments[1][0] >= self.SPAN:
            self._moments.popleft()
        (before, had), (now, has) = self._moments[0], self._moments[-1]
        return max(0, has - had) / (now - before) if now > before else None


# --- one moment, as text and as a picture -----------------------------------------------------------------------


def line(snapshot: Snapshot, speed: float | None) -> str:
    """Return one moment on one line."""
    windows = ", ".join(f"{window.name} {_use(window):.0%}" for window in _used(snapshot))
    parts = [_place(snapshot), _counts(snapshot), _rate(speed), windows, _left(snapshot), _pause(snapshot)]
    return "; ".join(filter(None, parts))


def picture(snapshot: Snapshot, speed: float | None) -> RenderableType:
    """Return one moment as a few lines with a bar for the source and one for every rate window."""
    bars = Table.grid(padding=(0, 2))
    if snapshot.fraction is not None:
        bars.add_row(*_bar("source", snapshot.fraction, f"{snapshot.fraction:.0%}"))
    for window in _used(snapshot):
        bars.add_row(*_bar(window.name, _use(window), f"{window.used:,} of {window.limit:,}"))
    parts = [_counts(snapshot), _rate(speed), _left(snapshot)]
    told: list[RenderableType] = [_row(_place(snapshot), "bold"), _row(" · ".join(filter(None, parts))), bars]
    return Group(*told, *([_row(_pause(snapshot), "yellow")] if _pause(snapshot) else []))


def _row(text: str, style: str = "") -> Text:
    row = plain(text, style)
    row.no_wrap, row.overflow = True, "ellipsis"
    return row


def _bar(name: str, part: float, figure: str) -> tuple[RenderableType, ...]:
    done = min(1.0, max(0.0, part))
    bar = ProgressBar(total=1.0, completed=done, width=_BAR, complete_style="cyan", finished_style="cyan")
    return _row(name), bar, _row(figure)


def _place(snapshot: Snapshot) -> str:
    return clean(f"{snapshot.load} ({snapshot.position} of {snapshot.loads}): {snapshot.phase}")


def _counts(snapshot: Snapshot) -> str:
    counts = snapshot.counts
    told = {"done": counts.done, "rejected": counts.rejected, "invalid": counts.invalid, "in doubt": counts.in_doubt}
    rare = {"duplicated": counts.duplicated, "skipped": counts.skipped}
    told |= {name: number for name, number in rare.items() if number}
    return ", ".join(f"{number:,} {name}" for name, number in told.items())


def _left(snapshot: Snapshot) -> str:
    if snapshot.eta is None or snapshot.eta < 1:
        return ""
    requests = f" ({count(snapshot.requests_left, 'request')})" if snapshot.requests_left else ""
    return f"about {clock(snapshot.eta)} left{requests}"


def _pause(snapshot: Snapshot) -> str:
    return f"paused {snapshot.paused_for:.0f} s by 429" if snapshot.paused_for > 0 else ""


def _use(window: WindowUse) -> float:
    return window.used / window.limit if window.limit else 0.0


def _used(snapshot: Snapshot) -> list[WindowUse]:
    """Return the windows that the run has touched: most runs never ask for a report."""
    return [window for window in snapshot.windows if window.used]


def _rate(speed: float | None) -> str:
    return "" if speed is None else f"{speed:,.0f} rows/s"


# --- the views --------------------------------------------------------------------------------------------------


class View(Protocol):
    """Somewhere to show moments: a context, entered once. `interval` is the seconds between them."""

    interval: float

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, snapshot: Snapshot) -> None:
        """Show one moment. Raises nothing, also when nobody can see it any more."""


class Lines:
    """A line on stderr every few seconds, for logs and pipes."""

    interval = 5.0

    def __init__(self) -> None:
        self._speed = Speed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave: there is nothing to put back."""

    def show(self, snapshot: Snapshot) -> None:
        """See `View.show`."""
        terminal.say(line(snapshot, self._speed.after(snapshot)))


class Drawing(Lines):
    """A picture at the foot of the terminal, redrawn in place and gone at the end."""

    interval = 0.25

    def __init__(self, on: Console) -> None:
        super().__init__()
        # stdout stays itself: data does not pass through the console of the talk.
        self._live = Live(console=on, auto_refresh=False, transient=True, redirect_stdout=False)

    def __enter__(self) -> Self:
        with terminal.surviving(sys.stderr):
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the picture away and give the cursor back."""
        with terminal.surviving(sys.stderr):
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """See `View.show`."""
        with terminal.surviving(sys.stderr):
            self._live.update(picture(snapshot, self._speed.after(snapshot)), refresh=True)


class Silence(Lines):
    """Nothing at all."""

    def show(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def view(*, quiet: bool) -> View:
    """Return the view that suits where stderr goes."""
    if quiet:
        return Silence()
    on = console(talk=True)
    return Drawing(on) if on.is_terminal and not on.is_dumb_terminal else Lines()


async def watch(progress: Progress, on: View, *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
    """Show the run's moments until cancelled."""
    while True:
        await sleep(on.interval)
        snapshot = progress.snapshot()
        if snapshot is not None:
            on.show(snapshot)
