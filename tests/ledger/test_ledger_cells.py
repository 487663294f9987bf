"""Cells as they are written for people."""

import csv
from io import StringIO

from hypothesis import example, given
from hypothesis import strategies as st

from headrace.ledger.cells import exposed, protected, render, text

CELLS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("'=+-@\t\r\n 1.,a", max_size=6),
)


@given(CELLS)
@example("''=x")
@example("'-3.5")
@example("-3.5")
def test_protecting_is_reversible(cell: str) -> None:
    """`exposed` returns every cell that `protected` was given."""
    assert exposed(protected(cell)) == cell


@given(CELLS)
def test_no_cell_is_a_formula(cell: str) -> None:
    """What is written starts a formula in no spreadsheet, unless it is a plain signed number."""
    written = protected(cell)
    assert (
        written[:1] not in {"=", "+", "-", "@", "\t", "\r"} or float(written[1:].replace(",", "").replace(".", "")) >= 0
    )


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1))
def test_lines_read_back(rows: list[list[str]]) -> None:
    """Rendered lines are CSV that reads back as the same cells, one record per line of bytes."""
    read = csv.reader(StringIO(b"".join(render(rows)).decode(), newline=""), strict=True)
    assert [[exposed(cell) for cell in fields] for fields in read] == rows


def test_what_is_not_text_is_json() -> None:
    """Numbers, truth values and structures are JSON; null and what is missing are empty."""
    from msgspec import UNSET

    assert [text(cell) for cell in (1, True, ["a", 1], {"b": None}, None, UNSET)] == [
        "1", "true", '["a",1]', '{"b":null}', "", "",
    ]  # fmt: skip


def test_a_lone_surrogate_is_written_as_an_escape() -> None:
    """A cell that UTF-8 cannot hold does not stop the results."""
    assert render([["\ud800"]]) == [b"\\ud800\r\n"]
