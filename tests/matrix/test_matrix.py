"""The fault matrix is whole: every row is there, every test that it names exists, and the page says the same."""

import re

from matrix import PAGE, ROOT, ROWS


def test_every_fault_has_a_test_or_a_stated_gap() -> None:
    """All 53 rows of the research, in order; none without a test unless it says what is missing."""
    assert [row.number for row in ROWS] == list(range(1, 54))
    assert [row.number for row in ROWS if not row.tests and not row.gap] == []


def test_every_test_that_is_named_exists() -> None:
    """A test that was renamed or removed is missed here."""
    for test in {test for row in ROWS for test in row.tests}:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), test


def test_the_page_is_that_of_the_table() -> None:
    """The page names every row and test, and no result on it is a failure."""
    text = PAGE.read_text()
    for row in ROWS:
        line = next(line for line in text.splitlines() if line.startswith(f"| {row.number} |"))
        assert row.fault in line
        assert all(test.replace("::test_", "::") in line for test in row.tests)
        assert not re.search(r"failure|error \||not run", line.rpartition("|")[0].rpartition("|")[2])
