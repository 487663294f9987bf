"""The values of options: what is read, and what is refused."""

from collections.abc import Callable
from contextlib import suppress

import pytest
import typer
from hypothesis import assume, given
from hypothesis import strategies as st

from headrace.cli.options import Target, Threshold, budget_url, duration, part, refused, target, threshold
from headrace.cli.sandbox import span


@given(st.integers(1, 100))
def test_percentages_and_fractions_agree(percent: int) -> None:
    """`50%` and `0.5` are the same part."""
    assert part(f"{percent}%") == pytest.approx(percent / 100)
    assert part(str(percent / 100)) == pytest.approx(percent / 100)


@given(st.integers(0, 3), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    """A duration is the sum of its units, of which any may be missing."""
    units = {"d": days, "h": hours, "m": minutes, "s": seconds}
    written = "".join(f"{number}{unit}" for unit, number in units.items() if number)
    assume(written)
    assert duration(written) == days * 86_400 + hours * 3_600 + minutes * 60 + seconds


def test_a_bare_number_is_seconds() -> None:
    """A duration without a unit is in seconds."""
    assert (duration("90"), duration("0.5")) == (90.0, 0.5)


@given(st.integers(0, 10**9))
def test_a_threshold_is_rows_or_a_part(number: int) -> None:
    """A number is a number of rows, a percentage a part of them."""
    assert threshold(str(number)) == Threshold(rows=number)
    assert threshold(f"{number % 100 + 1}%") == Threshold(part=(number % 100 + 1) / 100)


def test_a_target_is_a_provider_and_a_resource() -> None:
    """`--to` names both."""
    assert target("productive:time_entries") == Target("productive", "time_entries")


@given(st.text(max_size=12), st.sampled_from([part, duration, threshold, target, span]))
def test_any_text_is_read_or_refused(text: str, reader: Callable[[str], object]) -> None:
    """A reader never fails in another way than by refusing the value."""
    with suppress(typer.BadParameter):
        assert reader(text) is not None


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        *((part, text) for text in ("0", "0%", "101%", "1.5", "-5%", "x", "", "%", "nan", "inf", "1e-1")),
        *((duration, text) for text in ("", "x", "-1", "2 weeks", "1h30", "99999d", "m", "1m1h", "nan", "²", "1h2")),
        *((threshold, text) for text in ("", "-1", "0%", "x%", "5 rows", "1.5", "²")),
        *((target, text) for text in ("", "productive", "productive:", ":tasks")),
        *((span, text) for text in ("", "x", "-", "a-b")),
    ],
)
def test_nonsense_is_refused(reader: Callable[[str], object], text: str) -> None:
    """Values out of range or of another kind are refused."""
    with pytest.raises(typer.BadParameter):
        reader(text)


@given(st.text(min_size=4))
def test_a_token_is_not_repeated(secret: str) -> None:
    """The refusal of `--token` does not show what was given."""
    with pytest.raises(typer.BadParameter) as refusal:
        refused(secret)
    assume(secret not in "a token on the command line is seen by every process")
    assert len(secret) < 8 or secret not in refusal.value.message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:s3cret@127.0.0.1:6379/0", "HEADRACE_BUDGET"),
        ("http://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis:///0", "redis://127.0.0.1:6379/0"),
    ],
)
def test_a_budget_url_that_must_not_be(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another scheme is refused, and so is a password that every process can see; it is not repeated."""
    monkeypatch.delenv("HEADRACE_BUDGET", raising=False)
    with pytest.raises(typer.BadParameter, match=words) as caught:
        budget_url(url)
    assert "s3cret" not in str(caught.value)


def test_a_budget_url_from_the_environment_may_hold_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in HEADRACE_BUDGET is no argument."""
    url = "redis://:s3cret@127.0.0.1:6379/0"
    monkeypatch.setenv("HEADRACE_BUDGET", url)
    assert budget_url(url) == url
