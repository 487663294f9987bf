"""The different names of a source as a source of their own: each once, in the order in which they appear."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.identity import folded
from headrace.intake import Intake, open_source
from headrace.intake.names import KEY, PLACE, Names, Origin, place_of
from headrace.intake.rule import Rule
from headrace.model import Chunk
from headrace.providers.productive.provider import PRODUCTIVE

RULE = {"column": "Client", "split": ";", "lookup": "companies", "by": "name", "create_missing": {"vat": "VAT"}}
CELL = st.lists(st.sampled_from(["One", "one", "TWO  x", "two X", "Three", " ", "Four"]), max_size=3).map(";".join)


def names(folder: Path, sources: Sequence[Sequence[str]], limit: int | None = None) -> Names:
    """Return the names in some files of cells, of which each may hold several."""
    resource = PRODUCTIVE.resource("companies")
    assert resource is not None
    origins = []
    for number, cells in enumerate(sources):
        path = folder / f"{number}.csv"
        rows = [f'"{cell}",{number}-{at}' for at, cell in enumerate(cells)]
        path.write_text("\n".join(["Client,VAT", *rows]) + "\n")
        intake = Intake(resource, source=str(path), rules={"name": {"value": "x"}, "subscriber_ids": RULE})
        origins.append(Origin(open_source(path), intake, "subscriber_ids", {"vat": "VAT"}))
    return Names("missing", "name", origins, limit)


def all_of(chunks: Sequence[Chunk]) -> list[list[str]]:
    return [row for chunk in chunks for row in chunk.rows]


@given(st.lists(st.lists(CELL, max_size=130), min_size=1, max_size=3), st.one_of(st.none(), st.integers(1, 140)))
def test_each_name_is_one_row(
    tmp_path_factory: pytest.TempPathFactory, sources: list[list[str]], limit: int | None
) -> None:
    """Of however many files, cells and spellings: one row a name, of its first row, with a line of its own."""
    folder = tmp_path_factory.mktemp("names")
    source = names(folder, sources, limit)
    first: dict[str, tuple[str, str, int]] = {}
    for number, cells in enumerate(sources):
        for at, cell in enumerate(cells[:limit]):
            for text in filter(None, map(str.strip, cell.split(";"))):
                first.setdefault(folded(text), (text, f"{number}-{at}", at + 2))
    for _ in range(2):  # it can be read again
        chunks = [*source.chunks()]
        assert all_of(chunks) == [
            [text, vat, key, f"{folder / vat.partition('-')[0]}.csv:{line}"] for key, (text, vat, line) in first.items()
        ]
        assert [line for chunk in chunks for line in chunk.lines] == [*range(1, len(first) + 1)]
        assert all(chunk.columns == ("name", "vat", KEY, PLACE) for chunk in chunks)
    assert source.fraction() == 1.0
    source.close()


def test_rows_know_where_their_name_stands_first(tmp_path: Path) -> None:
    """The place of a row is file and line of the first row with its name, not its own."""
    source = names(tmp_path, [["One", "One;Two"]])
    (chunk,) = source.chunks()
    resource = PRODUCTIVE.resource("companies")
    assert resource is not None
    rows = Intake(resource, key=(KEY,)).rows(chunk)
    assert [place_of(row) for row in rows] == [(str(tmp_path / "0.csv"), 2), (str(tmp_path / "0.csv"), 3)]


def test_another_limit_is_another_source(tmp_path: Path) -> None:
    """The fingerprint is that of what is read: the files, and how many of their rows."""
    cells = [["One", "Two"], ["Three"]]
    prints = {names(tmp_path, cells, limit).fingerprint() for limit in (None, 1, 2)}
    assert len(prints) == 3
    assert names(tmp_path, cells).fingerprint() in prints
    assert names(tmp_path, [["One"], ["Three"]]).fingerprint() not in prints


def test_null_is_no_name() -> None:
    """A constant of nothing, which only a program can give, would name a record 'None'."""
    with pytest.raises(ValueError, match="null refers to nothing"):
        Rule(value=None, lookup="companies", by="name", create_missing=True)
    assert Rule(value=None).value is None
