"""Files by the command line, over real sockets: checked, planned, sent, repaired."""

import os
from collections.abc import Callable
from pathlib import Path

from cli_program import Ended, Place
from test_cli_plan import audit

Program = Callable[..., Ended]
Sandbox = Callable[..., Place]
TO = ("--to", "productive:attachments")


def test_files_are_checked_planned_sent_and_repaired(headrace: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    """Every command takes the folder; what the plan says is what arrives, and a large file arrives whole."""
    place, folder = sandbox(window="sliding"), tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "big.bin").write_bytes(os.urandom(3_000_000))
    source = tmp_path / "files.csv"
    source.write_text("file,task_id\na.txt,1001\nbig.bin,1001\nlater.txt,1002\n")
    files, at = ("--attachments-dir", folder), ("--base-url", place.url)
    assert headrace("check", source, *TO).code == 2
    assert "give --attachments-dir FOLDER" in headrace("check", source, *TO).err
    checked = headrace("check", source, *TO, *files, "--json")
    assert [(one["line"], one["code"]) for one in checked.json["errors"]] == [(4, "no_such_file")]
    planned = headrace("plan", source, *TO, *files, *at, "--json", at=place)
    ran = headrace("run", source, *TO, *files, *at, "--json", "--quiet", at=place)
    assert (planned.json["requests"], ran.json["requests"], ran.json["done"]) == (9, 9, 2)
    (folder / "later.txt").write_text("later")
    retried = headrace("retry", "files.headrace", *files, *at, "--json", "--quiet", at=place)
    assert (retried.code, retried.json["done"]) == (0, 3)
    seen = audit(place)
    assert seen["uploads"] == {"taken": 3, "refused": 0, "with_credentials": 0}
    assert (seen["created"], seen["duplicates"], seen["unknown_attributes"]) == ({"attachments": 3}, 0, {})


def test_a_folder_that_is_not_there_is_exit_2(headrace: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing is asked or written where the folder of the files is not one."""
    place = sandbox()
    (tmp_path / "files.csv").write_text("file,task_id\na.txt,1001\n")
    ended = headrace(
        "run", "files.csv", *TO, "--attachments-dir", "nowhere", "--base-url", place.url, "--json", at=place
    )
    assert (ended.code, ended.json["error"]["code"]) == (2, "usage")
    assert "nowhere is not a folder" in ended.json["error"]["message"]
    assert not (tmp_path / "files.headrace").exists()
    assert audit(place)["requests"] == 0
