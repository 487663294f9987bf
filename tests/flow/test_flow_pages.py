"""Pages: a tree of Docs from Markdown, by one load."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flow_world import World, read_csv, write_csv

from headrace.errors import UsageError
from headrace.importfile import ImportSpec


def pages(world: World, rows: list[tuple[Any, ...]]) -> None:
    write_csv(world.folder / "docs.csv", rows, ("no", "title", "text", "parent", "root"))
    fields = {
        "title": "title",
        "body": {"column": "text", "as": "markdown"},
        "parent_page_id": {"column": "parent", "from": "pages"},
        "root_page_id": {"column": "root", "from": "pages"},
    }
    load = {"resource": "pages", "source": str(world.folder / "docs.csv"), "key": ["no"], "fields": fields}
    world.spec = msgspec.convert({"provider": "productive", "name": "docs", "load": [load]}, ImportSpec)


def test_a_tree_of_pages_is_written_from_markdown(tmp_path: Path) -> None:
    """Children stand before their parents in the file; every body is a document that the sandbox accepts."""
    world = World(tmp_path)
    rows = [
        ("3", "Deep", "Some *text*", "2", "1"),
        ("2", "Child", "- a\n- b", "1", "1"),
        ("1", "Top", "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |", "", ""),
        ("4", "Half", "x", "1", ""),
    ]
    pages(world, rows)
    report = world.run()
    assert (report.summary.done, report.summary.invalid) == (3, 1)
    (refused,) = read_csv(world.results / "pages.rejects.csv")
    assert "names its parent and the root" in refused["error"]
    made = {one.attributes["title"]: one for one in world.sandbox.store.table("pages").values()}
    assert made["Deep"].links["parent_page"] == made["Child"].id
    assert made["Deep"].links["root_page"] == made["Child"].links["root_page"] == made["Top"].id
    kinds = [block["type"] for block in json.loads(made["Top"].attributes["body"])["content"]]
    assert kinds == ["heading", "table"]


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the Markdown parser nothing is read or sent, and the error says what to install."""
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    world = World(tmp_path)
    pages(world, [("1", "Top", "x", "", "")])
    with pytest.raises(UsageError) as caught:
        world.run()
    assert "headrace[markdown]" in str(caught.value.hint)
    assert not world.sandbox.store.table("pages")


def test_other_resources_take_no_markdown(tmp_path: Path) -> None:
    """A conversion is a resource's own: tasks have none."""
    world = World(tmp_path)
    pages(world, [("1", "Top", "x", "", "")])
    load = world.spec.load[0]
    rules = {"title": "title", "description": {"column": "text", "as": "markdown"}}
    world.spec = msgspec.structs.replace(
        world.spec, load=(msgspec.structs.replace(load, resource="tasks", fields=rules),)
    )
    with pytest.raises(UsageError, match="take no markdown"):
        world.run()
