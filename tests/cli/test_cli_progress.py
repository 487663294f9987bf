"""Progress: the same moment as a line and as a picture, at a speed that is measured."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from headrace.cli import progress as cli_progress
from headrace.cli.progress import Drawing, Lines, Silence, Speed, line, picture, view, watch
from headrace.model import Counts, WindowUse
from headrace.progress import Progress, Snapshot
from headrace.testing import virtual_time


def moment(**changes: object) -> Snapshot:
    facts: dict[str, object] = {
        "load": "time_entries",
        "position": 2,
        "loads": 3,
        "phase": "sending",
        "counts": Counts(rows=2700, done=2650, rejected=12, invalid=3, not_attempted=35),
        "requests": 54,
        "throttled": 0,
        "seconds": 20.0,
        "fraction": 0.5,
        "eta": 42.0,
        "windows": (WindowUse("100/10s", 62, 100), WindowUse("4000/1800s", 400, 4000)),
        "paused_for": 0.0,
    }
    return Snapshot(**(facts | changes))  # type: ignore[arg-type]  # the table above has the right types


def drawn(snapshot: Snapshot, speed: float | None, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False)
    console.print(picture(snapshot, speed))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_tells_all_that_matters() -> None:
    """One line: where it is, what became of the rows, how fast, how full the windows are, how long it takes."""
    assert line(moment(), 95.2) == (
        "time_entries (2 of 3): sending; 2,650 done, 12 rejected, 3 invalid, 0 in doubt; 95 rows/s; "
        "100/10s 62%, 4000/1800s 10%; about 0:42 left"
    )


def test_the_requests_that_are_left_are_told() -> None:
    """Where they are known, they stand beside the time."""
    assert "about 0:42 left (1,200 requests)" in line(moment(requests_left=1_200), 95.2)
    assert "left" not in line(moment(requests_left=0, eta=0.0), 95.2)


def test_a_pause_is_told() -> None:
    """A gate that a 429 has closed is told, with the seconds that are left."""
    assert "paused 42 s by 429" in line(moment(paused_for=41.6), 0.0)
    assert "paused 42 s by 429" in drawn(moment(paused_for=41.6), 0.0)
    assert "paused" not in line(moment(), 0.0)


def test_what_cannot_be_known_is_left_out() -> None:
    """Without a fraction, an ETA or a speed none is shown, nor a window that was not touched."""
    early = moment(eta=None, fraction=None, windows=(WindowUse("reports 10/30s", 0, 10),))
    told = line(early, None) + drawn(early, None)
    assert "left" not in told
    assert "rows/s" not in told
    assert "reports" not in told
    assert "source" not in told


def test_the_picture_has_a_bar_for_the_source_and_every_window() -> None:
    """The picture shows the counts and a bar for the source and for each rate window."""
    told = drawn(moment(), 95.2)
    assert all(name in told for name in ("2,650 done", "95 rows/s", "source", "100/10s", "62 of 100", "400 of 4,000"))
    assert told.count("━") > 3


@given(st.text(max_size=40), st.integers(10, 200))
def test_a_picture_never_wraps_nor_escapes(name: str, width: int) -> None:
    """Whatever a load is called and however narrow the terminal, no line is too long and no control gets out."""
    lines = drawn(moment(load=name), 1.0, width).rstrip("\n").split("\n")
    assert all(len(row) <= width for row in lines) or width < 60
    assert not any(ord(character) < 32 for row in lines for character in row)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(0, 1000)), min_size=2, max_size=60))
def test_the_speed_is_between_the_slowest_and_the_fastest_step(steps: list[tuple[float, int]]) -> None:
    """Rows per second over the last seconds is a mean of the steps in them."""
    speed, seconds, done = Speed(), 0.0, 0
    rates = []
    for pause, rows in steps:
        seconds, done = seconds + pause, done + rows
        rates.append(rows / pause)
        now = speed.after(moment(seconds=seconds, counts=Counts(rows=done, done=done)))
        if now is None:
            assert len(rates) == 1
        else:
            assert min(rates[1:]) * 0.999 - 1e-6 <= now <= max(rates[1:]) * 1.001 + 1e-6


def test_the_speed_forgets() -> None:
    """What was more than ten seconds ago does not count."""
    speed = Speed()
    for second in range(100):
        speed.after(moment(seconds=float(second), counts=Counts(rows=0, done=second * 1000 if second < 50 else 50_000)))
    assert speed.after(moment(seconds=100.0, counts=Counts(rows=0, done=50_000))) == 0.0


def test_watching_takes_a_moment_every_interval() -> None:
    """The run is looked at once an interval and not before it has begun."""
    shown: list[Snapshot] = []
    progress, pauses = Progress(), []

    class Recorder(Silence):
        def show(self, snapshot: Snapshot) -> None:
            shown.append(snapshot)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            progress.publish(moment)
        if len(pauses) == 5:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        virtual_time.run(lambda: watch(progress, Recorder(), sleep=sleep))
    assert len(shown) == 3
    assert set(pauses) == {Recorder.interval}


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere than on a terminal progress is plain lines on stderr, at most one in five seconds."""
    with view(quiet=False) as on:
        assert type(on) is Lines
        assert on.interval >= 5
        on.show(moment())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """With --quiet there is no progress at all."""
    with view(quiet=True) as on:
        on.show(moment())
    assert capsys.readouterr() == ("", "")


def test_a_drawing_leaves_nothing_behind_and_survives_a_dead_terminal() -> None:
    """The picture is gone at the end with the cursor back, and a terminal that is closed under it hurts nobody."""
    pipe = io.StringIO()
    console = Console(file=pipe, force_terminal=True, width=80)
    with Drawing(console) as on:
        on.show(moment())
        on.show(moment(seconds=21.0))
    assert pipe.getvalue().rfind("\x1b[?25h") > pipe.getvalue().rfind("\x1b[?25l")
    closed = io.StringIO()
    with Drawing(Console(file=closed, force_terminal=True, width=80)) as on:
        closed.close()
        on.show(moment())


def test_colours_are_left_out_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR takes the colours away."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert cli_progress.console(talk=False).no_color
