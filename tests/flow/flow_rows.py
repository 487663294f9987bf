"""Rows for Hypothesis that a provider takes: of the fields of its Structs, with references into its fixture."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import partial
from itertools import chain, combinations, product
from typing import Any, Final, TypeAlias

import msgspec
from hypothesis import assume
from hypothesis import strategies as st
from msgspec import UNSET, Struct, inspect

from headrace.provider import Resource, references
from headrace.sandbox.core import Sandbox

Ids: TypeAlias = Mapping[str, Sequence[Any]]
"""The ids of the fixture's records, by resource."""

_A_TEXT: Final = 1
"""The type of a custom field."""
TEXT: Final = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


def rows_of(resource: Resource, sandbox: Sandbox) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return what makes lists of rows, each of which can be created."""
    ids = {
        kind.replace("-", "_"): [sandbox.api.identify(kind, number) for number in sandbox.store.table(kind)]
        for kind in sandbox.store.counts
    }
    ids["own"] = [
        str(number)
        for number, field in sandbox.store.table("custom_fields").items()
        if (field.attributes["customizable_type"], field.attributes["data_type_id"]) == (resource.customizable, _A_TEXT)
    ]
    return st.lists(_row(resource, ids), min_size=1, max_size=4)


@st.composite
def _row(draw: st.DrawFn, resource: Resource, ids: Ids) -> dict[str, Any]:
    fields = inspect.type_info(resource.struct).fields  # type: ignore[attr-defined]  # it is a StructType
    targets = references(resource.struct)
    pool = {one.encode_name: draw(_value(one, targets.get(one.name), resource, ids)) for one in fields}
    for first, last in _PAIRS:
        if first in pool and last in pool:
            pool[first], pool[last] = sorted((pool[first], pool[last]))
    pool = {name: value for name, value in pool.items() if value is not UNSET}
    wanted = {one.encode_name for one in fields if one.required or draw(st.booleans())}
    # Rules between fields: with a few more or less of them, or of another kind, there is a row that keeps all.
    kinds = {one.encode_name: draw(st.permutations(its)) for one in fields if one.required and (its := _choices(one))}
    for changes in chain.from_iterable(combinations(pool, number) for number in range(4)):
        for chosen in product(*kinds.values()):
            given = pool | dict(zip(kinds, chosen, strict=True))
            row = {name: value for name, value in given.items() if (name in wanted) != (name in changes)}
            if _is_fit(row, resource.struct):
                return row
    assume(condition=False)
    raise AssertionError


def _is_fit(row: Mapping[str, Any], struct: type[Struct]) -> bool:
    try:
        msgspec.convert(row, struct, strict=False)
    except msgspec.ValidationError:
        return False
    return True


# --- values -----------------------------------------------------------------------------------------------------

_DOCUMENT: Final = '{"type":"doc","content":[{"type":"paragraph","content":[{"type":"text","text":"A page"}]}]}'
_OWN: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "email": st.integers(1, 10**6).map("p{}@northwind.example".format),
    "body": st.just(_DOCUMENT),
    "resource_type": st.just("task"),
}
"""What the types do not say of fields with these names."""
_PAIRS: Final = (
    ("started_on", "ended_on"),
    ("start_date", "end_date"),
    ("begin_time", "end_time"),
    ("date", "end_date"),
)
"""Fields of which the one comes before the other."""
_OUTSIDE: Final[Mapping[str, str]] = dict.fromkeys(
    ("user_id", "owner_id", "assigned_user_id", "assignee_ids", "member_ids"), "users"
) | {"account_id": "accounts"}
"""Ids of records of which the provider's table has no resource."""


def _value(field: inspect.Field, target: str | None, resource: Resource, ids: Ids) -> st.SearchStrategy[Any]:
    target = target or _OUTSIDE.get(field.name)
    if target is not None:
        known = st.sampled_from([*ids[target]]) if ids.get(target) else st.just(UNSET)
        return st.lists(known, max_size=2, unique=True) if field.name.endswith("_ids") else known
    if field.name == "custom_fields" and not ids["own"]:
        return st.just(UNSET)
    if field.name == "custom_fields":
        return st.dictionaries(st.sampled_from([*ids["own"]]), TEXT.map(str.strip).filter(bool), max_size=2)
    if field.name == "body" and resource.name != "pages":
        return _of(field.type)
    return _OWN[field.name] if field.name in _OWN else _of(field.type)


def _choices(field: inspect.Field) -> tuple[Any, ...]:
    """Return the values of a field that says of which kind a record is."""
    kind = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    return tuple(kind.values) if isinstance(kind, inspect.LiteralType) else ()


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    return _MAKERS[type(kind)](kind)


def _text(kind: Any) -> st.SearchStrategy[str]:
    if kind.pattern is not None:
        return st.from_regex(kind.pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
    return TEXT.map(str.strip).filter(lambda text: len(text) >= (kind.min_length or 0))


def _number(kind: Any) -> st.SearchStrategy[int]:
    least = kind.ge if kind.ge is not None else kind.gt + 1 if kind.gt is not None else 0
    return st.integers(least, kind.le if kind.le is not None else 10**6)


_MAKERS: Final[Mapping[type[inspect.Type], Any]] = {
    inspect.BoolType: lambda _: st.booleans(),
    inspect.DateType: lambda _: st.dates().map(str),
    inspect.DateTimeType: lambda _: st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    inspect.FloatType: lambda _: st.floats(0, 1e6).map(partial(round, ndigits=2)),
    inspect.IntType: _number,
    inspect.ListType: lambda kind: st.lists(_of(kind.item_type), max_size=2),
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.Metadata: lambda kind: _of(kind.type),
    inspect.StrType: _text,
    inspect.UnionType: lambda kind: st.one_of(*(_of(each) for each in kind.types)),
}
