"""The filters of a list: the query's `filter[...]` parameters become one predicate over records.

https://developer.productive.io/guides/filtering: values, operations, logical groups, dates and times.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from typing import Any, Final, TypeAlias

from headrace.sandbox.jsonapi import problems
from headrace.sandbox.jsonapi.checks import DATE, TEXT, as_is
from headrace.sandbox.jsonapi.kind import Kind
from headrace.sandbox.jsonapi.rendering import stamp
from headrace.sandbox.message import Call
from headrace.sandbox.store import Record

Predicate: TypeAlias = Callable[[Record], bool]
_Test: TypeAlias = Callable[[Any], bool]
Tree: TypeAlias = dict[str, Any]
"""The parameters by their brackets; a leaf is the list of its values."""

MAX_DEPTH: Final = 8
FLAGS: Final = "x-feature-flags"
EXACT_TIMES: Final = "filteringSkipDatetimeCastToDate"
_TIMES: Final = frozenset({"created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a filter finds its value in a record, and how it reads its own."""

    value: Callable[[Record], Any]
    parse: Callable[[str], Any]
    splits: bool = True
    usual: str = "eq"
    """The operation of a filter that names none."""


def predicate_of(call: Call, kind: Kind) -> Predicate | None:
    """Return what the call's filters select, None where it selects all. Raises 400 for what is not supported."""
    tree = _tree_of(call.params if call.query else [])
    is_exact = EXACT_TIMES in call.headers.get(FLAGS, "")
    parts = [_group(tree, kind, is_exact=is_exact)] if tree else []
    if kind.hides is not None and kind.hides[0] not in tree:
        is_hidden = kind.hides[1]
        parts.append(lambda record: not is_hidden(record))
    return _joined(parts) if parts else None


def _tree_of(params: Iterable[tuple[str, str]]) -> Tree:
    tree: Tree = {}
    for name, value in params:
        if not name.startswith("filter["):
            continue
        *path, last = re.findall(r"\[([^\]]*)\]", name) or [name]
        if len(path) > MAX_DEPTH:
            raise _unsupported(name)
        node = tree
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise _unsupported(name)
        if isinstance(node.setdefault(last, []), dict):
            raise _unsupported(name)
        node[last].append(value)
    return tree


# Groups...


def _group(tree: Tree, kind: Kind, *, is_exact: bool) -> Predicate:
    chosen = _leaves(tree.get("$op", ["and"]))[-1]
    if chosen not in _JOINS:
        raise problems.unsupported("Filter Value", f"Value '{chosen}' of filter '$op'")
    parts = [_part(name, node, kind, is_exact=is_exact) for name, node in tree.items() if name != "$op"]
    return _joined(parts, _JOINS[chosen])


def _both(one: Predicate, other: Predicate) -> Predicate:
    return lambda record: one(record) and other(record)


def _either(one: Predicate, other: Predicate) -> Predicate:
    return lambda record: one(record) or other(record)


_JOINS: Final[Mapping[str, Callable[[Predicate, Predicate], Predicate]]] = {"and": _both, "or": _either}


def _joined(parts: list[Predicate], join: Callable[[Predicate, Predicate], Predicate] = _both) -> Predicate:
    """Return one predicate; of nothing, that which all or none fulfil."""
    return reduce(join, parts) if parts else lambda _: join is _both


def _part(name: str, node: Any, kind: Kind, *, is_exact: bool) -> Predicate:
    if name.isdigit() and isinstance(node, dict):
        return _group(node, kind, is_exact=is_exact)
    if kind.hides is not None and name == kind.hides[0]:
        return lambda _: True
    if name not in kind.filters and name != "id":
        raise _unsupported(name)
    if name == "custom_fields" and isinstance(node, dict):
        return _joined([_operand(name, below, _custom(number)) for number, below in node.items()])
    is_time = name in _TIMES and is_exact and any("T" in value for value in _leaves(node))
    return _operand(name, node, _EXACT[name] if is_time else _source(name, kind))


def _leaves(node: Any) -> list[str]:
    return node if isinstance(node, list) else [leaf for below in node.values() for leaf in _leaves(below)]


# ...operations...


def _operand(name: str, node: Any, source: _Source) -> Predicate:
    by_operation = node if isinstance(node, dict) and "" not in node else {source.usual: node}
    return _joined([_comparison(name, how, below, source) for how, below in by_operation.items()])


def _comparison(name: str, how: str, node: Any, source: _Source) -> Predicate:
    if how not in _OPERATIONS:
        raise _unsupported(f"{name}[{how}]")
    texts = [part for text in _leaves(node) for part in (text.split(",") if source.splits else [text])]
    try:
        wanted = [None if text == "" else source.parse(text) for text in texts]
    except (ValueError, ArithmeticError):
        raise problems.unsupported("Filter Value", f"Value '{','.join(texts)}' of filter '{name}'") from None
    is_so, value = _OPERATIONS[how](wanted), source.value
    return lambda record: is_so(value(record))


def _among(wanted: list[Any]) -> _Test:
    single = frozenset(wanted)  # a list of hundreds of ids is looked into for every record

    def is_among(value: Any) -> bool:
        return not single.isdisjoint(value) if isinstance(value, (tuple, list)) else value in single

    return is_among


def _containing(wanted: list[Any]) -> _Test:
    parts = [str(each or "").lower() for each in wanted]

    def contains(value: Any) -> bool:
        held = str(value or "").lower()
        return any(part in held for part in parts)

    return contains


def _not(operation: Callable[[list[Any]], _Test]) -> Callable[[list[Any]], _Test]:
    def opposite(wanted: list[Any]) -> _Test:
        is_so = operation(wanted)
        return lambda value: not is_so(value)

    return opposite


def _against(compare: Callable[[Any, Any], bool]) -> Callable[[list[Any]], _Test]:
    def against(wanted: list[Any]) -> _Test:
        if None in wanted:
            return lambda _: False
        return lambda value: value is not None and all(compare(value, each) for each in wanted)

    return against


_OPERATIONS: Final[Mapping[str, Callable[[list[Any]], _Test]]] = {
    "eq": _among,
    "not_eq": _not(_among),
    "contains": _containing,
    "not_contain": _not(_containing),
    "gt": _against(operator.gt),
    "gt_eq": _against(operator.ge),
    "lt": _against(operator.lt),
    "lt_eq": _against(operator.le),
}
"""From the values of a filter to the test of a record's own."""


# ...and where values come from


def _source(name: str, kind: Kind) -> _Source:
    if name == "custom_fields":  # without the id of a field
        raise _unsupported(name)
    field = kind.aliases.get(name, kind.flat.get(name, name))
    if name in kind.special:
        return _Source(kind.special[name], _switch)
    if field in kind.relations:
        return _Source(lambda record: record.links.get(field), _digits)
    if name == "query":
        return _Source(lambda record: _text_of(record, kind), str, splits=False, usual="contains")
    return _FIXED.get(field) or _attribute(field, kind)


def _attribute(field: str, kind: Kind) -> _Source:
    check = kind.attributes.get(field, TEXT)
    default = kind.defaults.get(field)
    if check.stored is as_is:
        return _Source(lambda record: record.attributes.get(field, default), check.parse, check.splits)

    def value(record: Record) -> Any:
        held = record.attributes.get(field, default)
        return None if held is None else check.stored(held)

    return _Source(value, check.parse, check.splits)


def _custom(number: str) -> _Source:
    def value(record: Record) -> Any:
        held = (record.attributes.get("custom_fields") or {}).get(number)
        return [str(each) for each in held] if isinstance(held, list) else None if held is None else str(held)

    return _Source(value, str, splits=False)


def _text_of(record: Record, kind: Kind) -> str:
    return " ".join(str(record.attributes.get(name) or "") for name in kind.text)


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _switch(text: str) -> int:
    """Return a computed value, which is a number; `true` and `false` are 1 and 0."""
    return {"true": 1, "false": 0}[text] if text in {"true", "false"} else int(text)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _day(seconds: float) -> str:
    """Return the day of a time as `stamp` shows it, which goes by whole microseconds."""
    return _name_of(int((seconds + 5e-7) // 86_400))


@lru_cache(maxsize=4096)
def _name_of(day: int) -> str:
    return stamp(day * 86_400.0)[:10]


_FIXED: Final[Mapping[str, _Source]] = {
    "id": _Source(lambda record: record.id, _digits),
    "created_at": _Source(lambda record: _day(record.created_at), DATE.parse),
    "updated_at": _Source(lambda record: _day(record.updated_at), DATE.parse),
}

_EXACT: Final[Mapping[str, _Source]] = {
    "created_at": _Source(lambda record: int(record.created_at), _seconds),
    "updated_at": _Source(lambda record: int(record.updated_at), _seconds),
}


def _unsupported(name: str) -> problems.RefusalError:
    return problems.unsupported("Filter", f"Filter '{name}'")
