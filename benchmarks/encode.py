"""Encoding: records to JSON:API bodies, and answers to ids, in bulk and one by one."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import orjson
from benchmarks.journey import PROVIDER
from benchmarks.measure import Case, Table, compare, timed
from benchmarks.options import Options
from benchmarks.sink import answer
from msgspec import Struct

from benchmarks import data
from headrace.model import Request
from headrace.provider import Codec

ABOUT: Final = "records to JSON:API bodies and answers to ids; baseline: the same bodies of 100 as dicts through orjson"

_BATCH: Final = 100
_SEED: Final = 7

_Values = Sequence[Struct]


def measure(options: Options) -> Table:
    """Measure every direction on the same records."""
    resource = PROVIDER.resource(data.RESOURCE)
    assert resource is not None, "Productive has time entries"
    codec = PROVIDER.wire.codec(PROVIDER, resource, "create")
    values = msgspec.convert(list(data.entries(options.rows)), list[resource.struct], strict=False)  # type: ignore[name-defined]  # known at run time
    batches = [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]
    singles = [[value] for value in values]
    works: dict[str, Callable[[], int]] = {
        "bulk of 100: dicts, orjson": partial(_by_hand, batches),
        "bulk of 100: codec": partial(_encode, codec, batches, bulk=True),
        "single: codec": partial(_encode, codec, singles, bulk=False),
        "bulk answer: ids": partial(_read, codec, batches, _answers(codec, batches, bulk=True)),
        "bulk answer in another order: ids": partial(_read, codec, batches, _shuffled(codec, batches)),
        "single answer: id": partial(_read, codec, singles, _answers(codec, singles, bulk=False)),
        "bulk answer: orjson.loads alone": partial(_load, batches, _answers(codec, batches, bulk=True)),
    }
    cases = [Case(name, partial(timed, work)) for name, work in works.items()]
    return Table(name="encode", about=ABOUT, figures=compare(cases, options.rounds))


def _encode(codec: Codec, batches: Sequence[_Values], *, bulk: bool) -> int:
    for batch in batches:
        codec.request(batch, bulk=bulk)
    return sum(map(len, batches))


def _read(codec: Codec, batches: Sequence[_Values], answers: Sequence[bytes]) -> int:
    rows = 0
    for batch, body in zip(batches, answers, strict=True):
        ids = codec.ids(body, batch)
        assert ids is not None, "the answers are right"
        rows += len(ids)
    return rows


def _load(batches: Sequence[_Values], answers: Sequence[bytes]) -> int:
    for body in answers:
        orjson.loads(body)
    return sum(map(len, batches))


def _answers(codec: Codec, batches: Sequence[_Values], *, bulk: bool) -> list[bytes]:
    return [_answered(codec.request(batch, bulk=bulk)) for batch in batches]


def _answered(request: Request) -> bytes:
    return answer(b"POST", request.path.encode(), request.body or b"")


def _shuffled(codec: Codec, batches: Sequence[_Values]) -> list[bytes]:
    """Return answers whose records are in no order, so that they have to be joined by what they echo."""
    chance, bodies = random.Random(_SEED), []
    for body in _answers(codec, batches, bulk=True):
        document = orjson.loads(body)
        chance.shuffle(document["data"])
        bodies.append(orjson.dumps(document))
    return bodies


def _by_hand(batches: Sequence[_Values]) -> int:
    for batch in batches:
        orjson.dumps({"data": [_document(value) for value in batch]})
    return sum(map(len, batches))


def _document(value: Any) -> dict[str, Any]:
    return {
        "type": data.RESOURCE,
        "attributes": {
            "date": value.date,
            "time": value.time,
            "note": value.note,
            "billable_time": value.billable_time,
            "jira_issue_id": value.jira_issue_id,
            "jira_issue_summary": value.jira_issue_summary,
        },
        "relationships": {
            "person": {"data": {"type": "people", "id": str(value.person_id)}},
            "service": {"data": {"type": "services", "id": str(value.service_id)}},
            "task": {"data": {"type": "tasks", "id": str(value.task_id)}},
        },
    }
