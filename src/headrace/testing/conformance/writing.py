"""Checks of writes: created once, refused with a reason, changed, deleted, acted upon."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from headrace.client import Client
from headrace.dispatch.readback.matching import Likeness
from headrace.dispatch.readback.natural import likeness
from headrace.errors import CredentialsError
from headrace.model import Done, Record, Rejected, Response, Row
from headrace.provider import Codec, Resource, Verdict, references, verdict
from headrace.provider.form import form
from headrace.sandbox.faults import FaultKind, Rule
from headrace.testing.conformance.bench import Bench, Subject, kinds

ROWS: Final = 4


def a_refused_token_ends_the_run(subject: Subject, folder: Path) -> None:
    """A token that is not accepted ends a run with exit code 6, and nothing is created."""
    bench = Bench(subject, folder, Rule(kind=FaultKind.REVOKE_TOKEN, at=(1,)))
    name = next(iter(subject.rows))
    try:
        bench.load(name, bench.rows(name, ROWS))
    except CredentialsError as error:
        assert error.exit_code == 6
        assert error.hint, "the error says what to do"
    else:
        raise AssertionError("a token that is not accepted was not noticed")
    assert bench.created == 0


def every_row_is_created_once(subject: Subject, folder: Path) -> None:
    """Every row is there once, and what is stored under its id is what was sent; whatever the order of answers."""
    for shape in ("wrapped", "bare"):
        bench = Bench(subject, _below(folder, shape), shape=shape, order="shuffled", seed=3)
        for name in subject.rows:
            rows = bench.rows(name, ROWS)
            outcomes = bench.load(name, rows)
            assert kinds(outcomes) == {"Done": ROWS}, f"{name}: {outcomes}"
            ids = {outcome.offset: outcome.remote_id for outcome in outcomes if isinstance(outcome, Done)}
            assert len(set(ids.values())) == ROWS
            _compare(subject, bench, name, rows, ids)
        assert bench.audit["duplicates"] == 0
        assert bench.audit["unknown_attributes"] == {}, "fields that the API does not know"


def _below(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def _compare(subject: Subject, bench: Bench, name: str, rows: list[Any], ids: dict[int, str]) -> None:
    resource = subject.resource(name)
    held = bench.use(lambda client: _all(client, resource, rows[0]))
    for offset, identity in ids.items():
        value = msgspec.convert(dict(rows[offset]), resource.struct, strict=False)
        like = likeness(resource, tuple(rows[offset]))
        found = like(Record(Row(offset, offset, b"", ()), value), held[identity])
        assert found is not Likeness.NO, f"{name} {identity} is {held[identity]}, not {rows[offset]}"


async def _all(client: Client, resource: Resource, row: Collection[str] = ()) -> dict[str, Any]:
    """Return all records by id, with those related that `row` refers to."""
    include = [name for name in references(resource.struct) if name in row]
    return {item["id"]: item async for item in client.read(resource.name, include=include)}


def a_refusal_names_its_field(subject: Subject, folder: Path) -> None:
    """A row that the API refuses is rejected with its field and a reason; those beside it are created."""
    for name, wrong in subject.wrong.items():
        bench = Bench(subject, folder)
        good, other, bad = bench.rows(name, 3)
        outcomes = bench.load(name, [good, {**bad, **wrong}, other])
        assert kinds(outcomes) == {"Done": 2, "Rejected": 1}, f"{name}: {outcomes}"
        (rejected,) = (outcome for outcome in outcomes if isinstance(outcome, Rejected))
        assert rejected.offset == 1
        assert {fault.field for fault in rejected.errors} == set(wrong), f"{name}: {rejected.errors}"
        assert all(fault.error and fault.code for fault in rejected.errors)
        (folder / f"{name}.headrace").unlink()


def a_record_is_changed_and_deleted(subject: Subject, folder: Path) -> None:
    """An update changes what it names, a delete removes the record, and a second one is refused."""
    bench = Bench(subject, folder)
    for name, changes in subject.changes.items():
        resource = subject.resource(name)
        (done,) = bench.load(name, bench.rows(name, 1))
        assert isinstance(done, Done)
        identity = done.remote_id

        async def act(
            client: Client, resource: Resource = resource, identity: str = identity, changes: Any = changes
        ) -> None:
            kept = {field: value for field, value in changes.items() if field not in resource.create_only}
            assert await _ids(client, resource, "update", id=identity, **kept) == [identity]
            held = (await _all(client, resource, kept))[identity]
            value = msgspec.convert({"id": identity, **kept}, form(resource, "update"), strict=False)
            like = likeness(resource, tuple(kept))
            assert like(Record(Row(0, 0, b"", ()), value), held) is not Likeness.NO, f"{held} has not {kept}"
            assert await _ids(client, resource, "delete", id=identity) == [identity]
            assert identity not in await _all(client, resource)
            again, codec = await _sent(client, resource, "delete", id=identity)
            assert verdict(again.status, client.provider.verdicts) is Verdict.REFUSED
            assert codec.refusals(again.body), "the second delete is refused in the API's own words"

        bench.use(act)


def actions_are_understood(subject: Subject, folder: Path) -> None:
    """Every action reaches the record: it is done, or refused in the API's own words."""
    bench = Bench(subject, folder)
    for name in subject.rows:
        resource = subject.resource(name)
        for action in resource.actions if "create" in resource.writes else ():
            if action.struct is not None:
                continue  # what such an action takes is for the provider's own tests
            (folder / f"{name}.headrace").unlink(missing_ok=True)
            (done,) = bench.load(name, bench.rows(name, 1))
            assert isinstance(done, Done)

            async def act(
                client: Client,
                resource: Resource = resource,
                operation: str = action.name,
                identity: str = done.remote_id,
            ) -> None:
                response, codec = await _sent(client, resource, operation, id=identity)
                value = msgspec.convert({"id": identity}, form(resource, operation), strict=False)
                if verdict(response.status, client.provider.verdicts) is Verdict.ACCEPTED:
                    assert codec.ids(response.body, [value]) == [identity], operation
                else:
                    assert response.status not in {404, 405}, f"there is no {operation}"
                    assert codec.refusals(response.body), operation

            bench.use(act)


async def _ids(client: Client, resource: Resource, operation: str, **values: Any) -> list[str] | None:
    response, codec = await _sent(client, resource, operation, **values)
    value = msgspec.convert(values, form(resource, operation), strict=False)
    assert verdict(response.status, client.provider.verdicts) is Verdict.ACCEPTED, (response.status, response.body)
    return codec.ids(response.body, [value])


async def _sent(client: Client, resource: Resource, operation: str, **values: Any) -> tuple[Response, Codec]:
    codec = client.provider.wire.codec(client.provider, resource, operation)
    value = msgspec.convert(values, form(resource, operation), strict=False)
    request = codec.request([value], bulk=False)
    return await client.connection.transport.send(replace(request, is_read=False)), codec
