"""`headrace providers`: what the tables say, in words and as JSON."""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from cli_program import Ended
from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.cli.fieldnotes import notes
from headrace.provider import NoGuarantee, Resource, reference
from headrace.providers import PROVIDERS

Program = Callable[..., Ended]
PRODUCTIVE = PROVIDERS["productive"]


def test_the_overview_names_every_provider(headrace: Program) -> None:
    """Without a name: every provider with its limits."""
    ended = headrace("providers")
    assert ended.code == 0
    assert all(name in ended.out for name in PROVIDERS)
    assert "100/10s per token" in ended.out


def test_a_provider_shows_its_resources(headrace: Program) -> None:
    """A provider: every resource, what can be done in bulk, and its promise; which variables hold the credentials."""
    ended = headrace("providers", "productive")
    assert all(resource.name in ended.out for resource in PRODUCTIVE.resources)
    assert all(resource.guarantee.promise in ended.out for resource in PRODUCTIVE.resources if resource.writes)
    assert "HEADRACE_PRODUCTIVE_TOKEN, HEADRACE_PRODUCTIVE_ORGANIZATION" in ended.out


@pytest.mark.parametrize("resource", PRODUCTIVE.resources, ids=lambda resource: resource.name)
def test_a_resource_shows_every_field(headrace: Program, resource: Resource) -> None:
    """A resource: each field with its type in words, in text and in JSON; and its JSON Schema."""
    name = f"productive:{resource.name}"
    fields = [note.name for note in notes(resource)]
    told = headrace("providers", name)
    assert all(f"\n{field} " in told.out for field in fields)
    assert "any value" not in told.out
    facts = headrace("providers", name, "--json").json
    assert [field["name"] for field in facts["fields"]] == fields
    assert (facts["promise"], facts["writes"]) == (resource.guarantee.promise, sorted(resource.writes))
    schema = json.loads(headrace("providers", name, "--schema").out)
    assert set(schema["$defs"][resource.struct.__name__]["properties"]) == set(fields)


@pytest.mark.parametrize(
    ("name", "action"),
    [(resource.name, action.name) for resource in PRODUCTIVE.resources for action in resource.actions],
)
def test_an_action_shows_every_field(headrace: Program, name: str, action: str) -> None:
    """What an action takes is told as well: its fields in JSON, and in words where it has more than the record's id."""
    resource = PRODUCTIVE.resource(name)
    assert resource is not None
    fields = [note.name for note in notes(resource, action)]
    assert fields[0] == "id"
    facts = headrace("providers", f"productive:{name}", "--json").json
    assert [field["name"] for field in facts["action_fields"][action]] == fields
    _, told, rest = headrace("providers", f"productive:{name}").out.partition(f'\nwith operation = "{action}"\n')
    assert bool(told) is (len(fields) > 1)
    assert not told or all(f"\n{field} " in rest for field in fields)


def test_everything_is_one_json_object(headrace: Program) -> None:
    """--json is one object, also of all providers and of one; --schema alone is that of the import file."""
    assert [each["name"] for each in headrace("providers", "--json").json["providers"]] == list(PROVIDERS)
    facts = headrace("providers", "productive", "--json").json
    assert [each["name"] for each in facts["resources"]] == [resource.name for resource in PRODUCTIVE.resources]
    assert "ImportSpec" in headrace("providers", "--schema").json["$defs"]


class Sample(Struct, kw_only=True):
    person_id: reference("people", description="who")  # type: ignore[valid-type]  # a type made at run time
    minutes: Annotated[int, Meta(gt=0, le=1440, description="time")]
    kind: Literal[1, 2] | UnsetType = UNSET
    code: Annotated[str, Meta(max_length=5, pattern="^A")] | None = None
    tags: list[str] | UnsetType = UNSET
    either: int | str | UnsetType = UNSET
    share: Annotated[float, Meta(ge=0.5)] | UnsetType = UNSET
    extra: dict[str, Any] | UnsetType = UNSET


def test_types_are_told_in_words() -> None:
    """Every kind of type has its words, whatever wraps it."""
    found = {note.name: note for note in notes(Resource(name="x", struct=Sample, guarantee=NoGuarantee(), doc=""))}
    assert {name: note.type for name, note in found.items()} == {
        "person_id": "id of people",
        "minutes": "whole number, above 0, at most 1440",
        "kind": "one of 1, 2",
        "code": "text, at most 5 characters, like ^A",
        "tags": "list of text",
        "either": "whole number or text",
        "share": "number, at least 0.5",
        "extra": "table of values",
    }
    assert [name for name, note in found.items() if note.required] == ["person_id", "minutes"]
    assert (found["minutes"].description, found["kind"].values, found["person_id"].reference) == (
        "time",
        (1, 2),
        "people",
    )
