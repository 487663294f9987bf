"""`headrace adopt`: a lost checkpoint made anew on the command line, and what it says where that cannot be."""

from collections.abc import Callable
from pathlib import Path

from cli_program import Ended, Place

Program = Callable[..., Ended]
IMPORT = """\
provider = "productive"
name = "lost"

[[load]]
resource = "time_entries"
source = "hours.csv"
marker = "note"
"""


def test_adopting_for_machines(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path], tmp_path: Path
) -> None:
    """The checkpoint deleted: run stops with exit 9 and the remedy, adopt finds every row, run has nothing to do."""
    place = sandbox()
    hours(120)
    (tmp_path / "import.toml").write_text(IMPORT)
    where = ("import.toml", "--base-url", place.url, "--no-limits", "--settle-after", 0.1, "--json", "--quiet")
    first = headrace("run", *where, at=place)
    (tmp_path / "import.headrace").unlink()
    stopped = headrace("run", *where)
    assert (stopped.code, stopped.json["error"]["code"], stopped.json["done"]) == (9, "changed", 0)
    assert "headrace adopt" in stopped.json["error"]["hint"]
    adopted = headrace("adopt", *where)
    assert (adopted.code, adopted.json["loads"]) == (0, first.json["loads"])
    assert adopted.json["checkpoint"] == "import.headrace"
    again = headrace("run", *where)
    assert (again.code, again.json["done"], again.json["requests"]) == (0, 120, 1)


def test_adopting_without_marks(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path], tmp_path: Path
) -> None:
    """It cannot be known what is there: exit 2, and what makes later imports adoptable."""
    place = sandbox()
    hours(3)
    (tmp_path / "import.toml").write_text(IMPORT.replace('marker = "note"', ""))
    ended = headrace("adopt", "import.toml", "--base-url", place.url, "--json", at=place)
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert "marker" in ended.error["hint"]
