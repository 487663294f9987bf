"""The sample migration of Productive: its files fit together and its rows are valid."""

import csv
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from headrace.provider import references
from headrace.providers import PROVIDERS

SAMPLE: Final = Path(__file__).parents[2] / "samples" / "productive"
IMPORT: Final = tomllib.loads((SAMPLE / "import.toml").read_text(encoding="utf-8"))
LOADS: Final = {load["resource"]: load for load in IMPORT["load"]}
PRODUCTIVE: Final = PROVIDERS[IMPORT["provider"]]


def rows(load: dict[str, Any]) -> list[dict[str, str]]:
    with (SAMPLE / load["source"]).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rules(load: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, rule in load["fields"].items():
        yield field, {"column": rule} if isinstance(rule, str) else rule


@pytest.mark.parametrize("name", LOADS)
def test_loads_name_fields_and_columns_that_exist(name: str) -> None:
    """Every field is the resource's, every column the file's, every required field is mapped."""
    load, resource = LOADS[name], PRODUCTIVE.resource(name)
    assert resource is not None
    columns = rows(load)[0].keys()
    assert set(load["fields"]) <= set(resource.struct.__struct_fields__)
    assert {rule["column"] for _, rule in rules(load) if "column" in rule} | set(load.get("key", ())) <= columns
    required = {field.name for field in msgspec.structs.fields(resource.struct) if field.required}
    assert required <= set(load["fields"])


@pytest.mark.parametrize("name", LOADS)
def test_references_lead_to_earlier_loads_or_known_lookups(name: str) -> None:
    """`from` names an earlier load that has every key; `lookup` the field's own resource and a way to find it."""
    load = LOADS[name]
    earlier = list(LOADS)[: list(LOADS).index(name)]
    resource = PRODUCTIVE.resource(name)
    assert resource is not None
    for field, rule in rules(load):
        if "from" in rule:
            parent = LOADS[rule["from"]]
            assert rule["from"] in earlier
            assert references(resource.struct)[field] == rule["from"]
            keys = {row[parent["key"][0]] for row in rows(parent)}
            assert {row[rule["column"]] for row in rows(load)} - {""} <= keys
        if "lookup" in rule:
            target = PRODUCTIVE.resource(rule["lookup"])
            assert target is not None
            assert rule["by"] in target.lookups
            assert references(resource.struct)[field] == rule["lookup"]


@pytest.mark.parametrize("name", LOADS)
def test_keys_are_unique_and_files_small(name: str) -> None:
    """Every keyed row has a key of its own; a sample is read by people."""
    found = rows(LOADS[name])
    assert 10 <= len(found) <= 30
    for column in LOADS[name].get("key", ()):
        assert len({row[column] for row in found}) == len(found)
