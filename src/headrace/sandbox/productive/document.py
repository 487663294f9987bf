"""The document format as the sandbox checks it: https://developer.productive.io/guides/document-format.

The example of a checklist spells its items `cheklist_item`, the list of nodes `checklist_item`: the latter is taken.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from headrace.sandbox.jsonapi.checks import Check

_BLOCKS: Final = frozenset(
    ["paragraph", "blockquote", "heading", "ol", "ul", "checklist", "table", "divider", "banner"]
)
_INLINE: Final = frozenset(["text", "image", "file", "mention", "br"])
MARKS: Final = frozenset(["link", "em", "strike", "underline", "strong", "code", "discussion"])
KINDS: Final[Mapping[str, frozenset[str]]] = {
    "doc": _BLOCKS,
    **dict.fromkeys(("paragraph", "blockquote", "heading"), _INLINE),
    **dict.fromkeys(("ol", "ul"), frozenset({"li"})),
    "checklist": frozenset({"checklist_item"}),
    "table": frozenset({"table_row"}),
    "table_row": frozenset({"table_cell", "table_header"}),
    **dict.fromkeys(("li", "checklist_item"), _BLOCKS),
    **dict.fromkeys(("table_cell", "table_header", "banner"), frozenset({"paragraph"})),
    **dict.fromkeys((*_INLINE, "divider"), frozenset()),
}
_ATTRS: Final[Mapping[str, Any]] = {
    "heading": lambda attrs: attrs.get("level") in {1, 2, 3},
    "checklist_item": lambda attrs: isinstance(attrs.get("checked"), bool),
    "banner": lambda attrs: attrs.get("type") in {"warning", "success", "critical", "info"},
    "image": lambda attrs: isinstance(attrs.get("src"), str),
    "file": lambda attrs: isinstance(attrs.get("url"), str) and isinstance(attrs.get("name"), str),
    "mention": lambda attrs: attrs.get("type") in {"person", "task", "page"} and str(attrs.get("id")).isdigit(),
    "discussion": lambda attrs: isinstance(attrs.get("discussionId"), str),
    "link": lambda attrs: isinstance(attrs.get("href"), str),
}


def _is_node(node: Any, kinds: frozenset[str]) -> bool:
    if (
        not isinstance(node, dict)
        or node.get("type") not in kinds
        or set(node) - {"type", "content", "attrs", "text", "marks"}
    ):
        return False
    kind, content = node["type"], node.get("content", [])
    if kind == "text" and not (
        isinstance(node.get("text"), str) and node["text"] and all(map(_is_mark, node.get("marks", [])))
    ):
        return False
    if kind != "text" and ("text" in node or "marks" in node):
        return False
    inside = KINDS[kind]
    return _has_attrs(node) and isinstance(content, list) and all(_is_node(each, inside) for each in content)


def _is_mark(mark: Any) -> bool:
    return isinstance(mark, dict) and mark.get("type") in MARKS and _has_attrs(mark)


def _has_attrs(node: Mapping[str, Any]) -> bool:
    check = _ATTRS.get(node["type"])
    return check is None or (isinstance(node.get("attrs"), dict) and bool(check(node["attrs"])))


def fault(value: Any) -> str | None:
    """Return what is wrong with a page's body: it is a document, as an object or as its JSON."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return "is invalid"
    return None if _is_node(value, frozenset({"doc"})) else "is invalid"


DOCUMENT: Final = Check(fault, splits=False)
