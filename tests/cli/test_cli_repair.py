"""`headrace repair`: what it says of a sound checkpoint, of a damaged one, and of none."""

from collections.abc import Callable
from pathlib import Path

from cli_program import Ended, Place

Program = Callable[..., Ended]
TO = ("--to", "productive:time_entries")


def test_repairing_for_machines(
    headrace: Program, sandbox: Callable[..., Place], hours: Callable[..., Path], tmp_path: Path
) -> None:
    """Sound: exit 0 and nothing changed. Damaged: refused elsewhere with the remedy, then saved; exit 0 or 4."""
    place = sandbox()
    hours(120)
    run = ("run", "hours.csv", *TO, "--base-url", place.url, "--no-limits", "--batch-size", 10, "--json", "--quiet")
    assert headrace(*run, at=place).code == 0
    ended = headrace("repair", "hours.headrace", "--json", "--quiet")
    assert (ended.code, ended.json) == (
        0,
        {"kept": 12, "lost": 0, "unknown": 0, "original": None, "checkpoint": "hours.headrace"},
    )
    file = tmp_path / "hours.headrace"
    data = bytearray(file.read_bytes())
    at = data.index(b"time_entries", 4096 * 3)
    data[at] ^= 1
    file.write_bytes(bytes(data))
    refused = headrace("status", "hours.headrace", "--json")
    assert (refused.code, refused.error["code"]) == (2, "usage")
    assert "headrace repair hours.headrace" in refused.error["hint"]
    mended = headrace("repair", "hours.headrace", "--json", "--quiet")
    assert mended.code in {0, 4}
    assert Path(mended.json["original"]).exists()
    assert headrace("status", "hours.headrace", "--json").json["rows"] == 120


def test_nothing_to_repair(headrace: Program) -> None:
    """No file: exit 2, named."""
    ended = headrace("repair", "gone.headrace", "--json")
    assert (ended.code, ended.error["code"]) == (2, "usage")
    assert "gone.headrace" in ended.error["message"]
