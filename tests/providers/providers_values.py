"""Values of a provider's Structs for Hypothesis: any that the types allow, so that no field of a table is left out."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec import UNSET, Struct, inspect


def values(struct: type[Struct]) -> st.SearchStrategy[Struct]:
    """Return what makes the likes of `struct`: the required fields, and some of the others.

    Rules between fields are not kept, since they would refuse most of what is tried: hence a twin without them.
    """
    fields = inspect.type_info(struct).fields  # type: ignore[attr-defined]  # it is a StructType
    needed = {field.name: _of(field.type) for field in fields if field.required}
    others = {field.name: _of(field.type) for field in fields if not field.required}
    twin = msgspec.defstruct(struct.__name__, [(field.name, Any, UNSET) for field in fields])
    return st.fixed_dictionaries(needed, optional=others).map(lambda given: twin(**given))


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    return _MAKERS[type(kind)](kind)


def _text(kind: Any) -> st.SearchStrategy[str]:
    if kind.pattern is not None:
        return st.from_regex(kind.pattern, fullmatch=True)
    return st.text(min_size=kind.min_length or 0, max_size=8)


def _number(kind: Any) -> st.SearchStrategy[int]:
    return st.integers(kind.ge if kind.ge is not None else (kind.gt or 0) + 1, kind.le)


_MAKERS: Final[Mapping[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]]] = {
    inspect.AnyType: lambda _: st.none() | st.text(max_size=4) | st.lists(st.integers(1, 9), max_size=2),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.DateType: lambda _: st.dates(),
    inspect.DateTimeType: lambda _: st.datetimes(),
    inspect.TimeType: lambda _: st.times(),
    inspect.DictType: lambda kind: st.dictionaries(st.integers(1, 999).map(str), _of(kind.value_type), max_size=2),
    inspect.EnumType: lambda kind: st.sampled_from(kind.cls),
    inspect.FloatType: lambda _: st.floats(0, 1e6),
    inspect.IntType: _number,
    inspect.ListType: lambda kind: st.lists(_of(kind.item_type), max_size=2),
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.Metadata: lambda kind: _of(kind.type),
    inspect.NoneType: lambda _: st.none(),
    inspect.StrType: _text,
    inspect.UnionType: lambda kind: st.one_of(*(_of(each) for each in kind.types)),
}
"""What makes values of each type that a table may have."""
