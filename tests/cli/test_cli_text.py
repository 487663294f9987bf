"""Text from strangers cannot command the terminal."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from headrace.cli.faultlist import Finding, grouped, lines
from headrace.cli.screen import aligned, plain
from headrace.cli.text import clean, clock, count, shortened
from headrace.model import Fault

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
NASTY = ("\x1b[2J\x1b]52;c;aGk=\x07", "\x9b31m", "[link=http://x]y[/link]", "a\r\nb", "\u202etxt", "\ud800", "\x00\x7f")


def is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and character != "\t"


@given(ANY_TEXT)
@example("".join(NASTY))
def test_clean_leaves_no_control_character_but_tab(text: str) -> None:
    """Whatever comes in, what goes out holds no C0 or C1 control but tab, fits on a line and can be encoded."""
    cleaned = clean(text)
    assert not any(map(is_control, cleaned))
    assert len(cleaned.splitlines()) <= 1 or not any(map(is_control, cleaned))
    cleaned.encode()


@given(ANY_TEXT)
def test_clean_changes_nothing_twice(text: str) -> None:
    """Cleaning what is clean changes nothing."""
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(exclude_categories=("C",)), max_size=60))
def test_clean_keeps_printable_text(text: str) -> None:
    """Text without control and format characters stays as it is."""
    assert clean(text) == text


@given(ANY_TEXT, st.integers(1, 50))
def test_shortened_is_no_longer_than_asked(text: str, width: int) -> None:
    """A shortened text is within its width, and the text itself where that fits."""
    assert len(shortened(text, width)) <= width
    if len(clean(text)) <= width:
        assert shortened(text, width) == clean(text)


def printed(*texts: object) -> str:
    console = Console(force_terminal=True, width=500, highlight=False, color_system=None)
    with console.capture() as captured:
        for text in texts:
            console.print(text, soft_wrap=True)
    return captured.get()


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@example(*NASTY[:3])
def test_no_escape_reaches_the_terminal_from_a_fault(column: str, value: str, error: str) -> None:
    """Column names, values and sentences of a fault are printed without control characters and never as markup."""
    fault = Fault(code=error[:10], error=error, column=column, value=value, hint=error)
    told = printed(*lines(grouped([Finding(column, 1, fault)])[0]))
    assert not any(map(is_control, told.replace("\n", "")))


@given(ANY_TEXT)
@example("[bold red]x[/]")
@example("[link=http://evil.example]click[/link]")
def test_markup_stays_text(text: str) -> None:
    """What looks like markup is shown as it is written."""
    bare = text.replace("\t", " ")  # how wide a tab is depends on the cells before it
    assert printed(plain(bare)).rstrip("\n") == clean(bare)


def test_columns_are_aligned_and_complete() -> None:
    """Cells stand below each other, flush right where asked, and are never cut."""
    told = [line.plain for line in aligned([("a", "1"), ("bbb" * 40, "100")], right=frozenset({1}))]
    assert told == ["a" + " " * 119 + "    1", "bbb" * 40 + "  100"]


def test_wide_characters_take_two_columns() -> None:
    """Alignment counts terminal cells, not characters."""
    told = [line.plain for line in aligned([("日本", "x"), ("abcd", "x")])]
    assert told == ["日本  x", "abcd  x"]


def test_numbers_and_times_in_words() -> None:
    """Counts have their noun in the right number, durations read as clocks do."""
    assert [count(1, "row"), count(1204, "row"), count(2, "retry")] == ["1 row", "1,204 rows", "2 retries"]
    assert [clock(0), clock(42.4), clock(3723), clock(-1)] == ["0:00", "0:42", "1:02:03", "0:00"]
