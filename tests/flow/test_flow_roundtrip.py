"""The way round: what an export writes an import takes, of every resource of every provider, and makes the same."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from flow_rows import rows_of
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headrace.checking import check
from headrace.dispatch.readback.differing import differing, sent_fields
from headrace.exporting import Query
from headrace.importfile import single
from headrace.model import Done
from headrace.pipeline import Settings
from headrace.provider import Resource
from headrace.providers import PROVIDERS
from headrace.sandbox.core import Sandbox
from headrace.sandbox.options import Options
from headrace.testing import virtual_time
from headrace.testing.wire import simulated_client

FAST: Final = Settings(limits=False)
UNTOLD: Final = frozenset({"use_salary_currency"})
"""Fields that can be written and are never told."""
WRITABLE: Final = [
    (provider.name, resource.name)
    for provider in PROVIDERS.values()
    for resource in provider.resources
    if "create" in resource.writes and not resource.steps  # an export brings no files
]


def loaded(sandbox: Sandbox, resource: str, rows: Any, checkpoint: Path | None = None) -> list[Any]:
    async def main() -> list[Any]:
        async with simulated_client(sandbox, FAST) as client:
            return [one async for one in client.load(resource, rows, checkpoint=checkpoint)]

    return virtual_time.run(main)


def exported(sandbox: Sandbox, resource: str, file: Path) -> list[dict[str, Any]]:
    async def main() -> Any:
        async with simulated_client(sandbox, FAST) as client:
            return await client.export(Query(resource=resource), file)

    assert virtual_time.run(main).reason is None
    with file.open(newline="", encoding="utf-8") as text:
        if file.suffix == ".csv":
            return [*csv.DictReader(text)]
        return [json.loads(line) for line in text]


def told(record: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """Return what a record says in the fields that can be written; blank is blank."""
    names = [field.encode_name for field in msgspec.structs.fields(resource.struct)]
    return {name: value for name in names if (value := record.get(name)) not in (None, "", [], {}, "[]", "{}")}


def lacking(row: Mapping[str, Any], resource: Resource, found: Mapping[str, Any]) -> set[str]:
    """Return the fields of a row that an export does not have, or not as they were sent."""
    given = sent_fields(msgspec.convert(row, resource.struct, strict=False))
    sent = {name: value for name, value in given.items() if value not in ("", []) and name not in UNTOLD}
    return {name for name in sent if name not in found} | {*differing(sent, found)}


@pytest.mark.parametrize(("provider", "name"), WRITABLE)
@settings(max_examples=8, suppress_health_check=[*HealthCheck])
@given(data=st.data(), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_an_export_is_a_source_of_the_same(
    provider: str, name: str, data: st.DataObject, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Exported it has no fault; imported elsewhere and exported again, all fields that can be written are equal."""
    folder = tmp_path_factory.mktemp("round")
    resource = PROVIDERS[provider].resource(name)
    assert resource is not None
    here, there = (
        Sandbox(Options(provider=provider, window="off", shape="bare"), virtual_time.START) for _ in range(2)
    )
    rows: Sequence[Mapping[str, Any]] = data.draw(rows_of(resource, here))
    outcomes = loaded(here, name, rows)  # what breaks a rule of the provider's own is refused, and is no original
    originals = exported(here, name, folder / f"a{suffix}")
    assume(originals)  # an empty file is no source
    by_id = {str(one["id"]): one for one in originals}
    for one in outcomes:
        if isinstance(one, Done) and suffix == ".jsonl":
            assert lacking(rows[one.offset], resource, by_id[one.remote_id]) == set()
    checked = check(single(str(folder / f"a{suffix}"), provider, name), PROVIDERS[provider])
    assert (checked.rows, checked.faults) == (len(originals), [])
    outcomes = loaded(there, name, folder / f"a{suffix}", folder / "x.headrace")
    assert [type(one) for one in outcomes] == [Done] * len(originals), outcomes
    copies = {str(one["id"]): one for one in exported(there, name, folder / f"b{suffix}")}
    made = {one.offset: copies[one.remote_id] for one in outcomes}
    assert [told(made[at], resource) for at in range(len(originals))] == [told(one, resource) for one in originals]


def test_what_the_provider_does_not_tell_is_named(tmp_path: Path) -> None:
    """Time Magic's pages show no description of tasks: the file lacks it, and the export says so, as verify does."""
    sandbox = Sandbox(Options(provider="timemagic", window="off", shape="wrapped"), virtual_time.START)
    project = sandbox.api.identify("projects", 1)
    rows = "".join(f"{project},Task {at},Something\n" for at in range(3))
    (tmp_path / "t.csv").write_text(f"project_id,name,description\n{rows}")
    loaded(sandbox, "tasks", tmp_path / "t.csv", tmp_path / "x.headrace")

    async def main() -> Any:
        async with simulated_client(sandbox, FAST) as client:
            done = await client.export(Query(resource="tasks"), tmp_path / "u.csv")
            return done, await client.verify(tmp_path / "x.headrace")

    done, verified = virtual_time.run(main)
    assert done.notices == ("timemagic does not tell description of tasks",)
    assert verified.notices == ("timemagic does not tell description of tasks: not compared",)
    assert verified.exit_code == 0
