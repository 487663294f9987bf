"""Fitting: blocks as they were written become what the format takes where they stand. No text is lost."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from headrace.providers.productive.document.reading import CELL, CELLS, Node

_ITEMS: Final[Mapping[str, str]] = MappingProxyType(
    {"ol": "li", "ul": "li", "table": "table_row", "table_row": "table_cell"}
)
"""Blocks that hold blocks of one kind only."""
_PARTS: Final = frozenset({"li", "table_row", *CELLS})
"""Blocks that stand in another one only."""
_TASK: Final = re.compile(r"\[([ xX])\]\s+")
_ALERT: Final = re.compile(r"\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)
_BANNERS: Final[Mapping[str, str]] = MappingProxyType(
    {"note": "info", "tip": "success", "important": "info", "warning": "warning", "caution": "critical"}
)
"""The banner that an alert of GitHub's Markdown is."""


def fitted(blocks: Iterable[Node]) -> list[Node]:
    """Return blocks as they may stand at the top of a document, or in an item of a list."""
    return _freed(fit for block in blocks for fit in _FITTINGS[block["type"]](block))


def _freed(blocks: Iterable[Node]) -> list[Node]:
    """Take the blocks out of items, rows and cells that stand outside their list or table."""
    return [free for block in blocks for free in (_freed(block["content"]) if block["type"] in _PARTS else [block])]


def _inside(block: Node) -> list[Node]:
    return [fit for inner in block["content"] for fit in _FITTINGS[inner["type"]](inner)]


def _attrs(block: Node) -> Node:
    return {"attrs": block["attrs"]} if "attrs" in block else {}


def _paragraph(content: Sequence[Node]) -> Node:
    return {"type": "paragraph", "content": [*content]} if content else {"type": "paragraph"}


def _divider(block: Node) -> list[Node]:
    return [block]


def _text(block: Node) -> list[Node]:
    content = _trimmed(block["content"])
    return [{"type": block["type"], **_attrs(block), "content": content}] if content else []


def _item(block: Node) -> list[Node]:
    return [{"type": "li", "content": _freed(_inside(block)) or [_paragraph(())]}]


def _cell(block: Node) -> list[Node]:
    content = [_plain(inner) for inner in _inside(block)] or [_paragraph(())]
    return [{"type": block["type"], **_attrs(block), "content": content}]


def _container(block: Node) -> list[Node]:
    """Return a list or a table; what stands in it by mistake is wrapped in what belongs there."""
    kind = block["type"]
    items = [item for inner in _inside(block) for item in _belonging(kind, inner)]
    tasks = [task for item in items if (task := _task(item)) is not None] if kind == "ul" else []
    if items and len(tasks) == len(items):
        return [{"type": "checklist", "content": tasks}]
    return [{"type": kind, "content": items}] if items else []


def _belonging(kind: str, inner: Node) -> list[Node]:
    item = _ITEMS[kind]
    if inner["type"] == item or (kind == "table_row" and inner["type"] in CELLS):
        return [inner]
    if kind == "table":
        return [{"type": item, "content": _belonging("table_row", inner)}]
    if item == "li":
        return [{"type": item, "content": _freed([inner])}]
    return [{"type": item, "attrs": dict(CELL), "content": [_plain(inner)]}]


def _task(item: Node) -> Node | None:
    """Return a list item as one of a checklist, where its text begins like `[x] `."""
    first = item["content"][0]
    text = first["content"][0] if first["type"] == "paragraph" and "content" in first else {}
    found = _TASK.match(text.get("text", ""))
    if found is None:
        return None
    lead = [{**text, "text": text["text"][found.end() :]}] if text["text"][found.end() :] else []
    content = [_paragraph([*lead, *first["content"][1:]]), *item["content"][1:]]
    return {"type": "checklist_item", "attrs": {"checked": found[1] in "xX"}, "content": content}


def _quote(block: Node) -> list[Node]:
    """Return a quote, whose paragraphs are its lines, with other blocks behind it; or the banner that it stands for."""
    inside = _freed(_inside(block))
    banner = _banner(inside)
    if banner is not None:
        return [banner]
    found: list[Node] = []
    for inner in inside:
        content = inner.get("content", [])
        if inner["type"] != "paragraph":
            found.append(inner)
        elif found and found[-1]["type"] == "blockquote":
            found[-1]["content"] += [{"type": "br"}, *content]
        else:
            found.append({"type": "blockquote", "content": [*content]})
    return found


def _banner(inside: Sequence[Node]) -> Node | None:
    first = inside[0] if inside else {}
    text = first["content"][0].get("text", "") if first.get("type") == "paragraph" and "content" in first else ""
    found = _ALERT.match(text)
    if found is None:
        return None
    content = _trimmed([{**first["content"][0], "text": text[found.end() :]}, *first["content"][1:]])
    lead = [_paragraph(content)] if content else []
    blocks = [*lead, *(_plain(inner) for inner in inside[1:])] or [_paragraph(())]
    return {"type": "banner", "attrs": {"type": _BANNERS[found[1].lower()]}, "content": blocks}


def _plain(block: Node) -> Node:
    """Return a block as a paragraph, with all its text, for places that hold nothing else."""
    lines = [line for line in _lines(block) if line]
    return _paragraph([node for number, line in enumerate(lines) for node in ([{"type": "br"}] * bool(number) + line)])


def _lines(block: Node) -> list[list[Node]]:
    if block["type"] in {"paragraph", "heading", "blockquote"}:
        return [block.get("content", [])]
    return [line for inner in block.get("content", ()) for line in _lines(inner)]


def _trimmed(content: Sequence[Node]) -> list[Node]:
    """Return inline nodes without the blanks that HTML does not show; code keeps its own."""
    found: list[Node] = []
    shown = False  # whether a blank would show here
    for node in (*content, {"type": "br"}):
        text = node.get("text")
        if text is None and node["type"] == "br":
            _strip_end(found)
        elif text is not None and not _is_code(node):
            text = text if shown else text.lstrip(" ")
        if text != "":
            found.append(node if text is None else {**node, "text": text})
            shown = node["type"] != "br" and (text is None or not text.endswith(" ") or _is_code(node))
    return found[:-1]


def _strip_end(nodes: list[Node]) -> None:
    if nodes and "text" in nodes[-1] and not _is_code(nodes[-1]):
        nodes[-1]["text"] = nodes[-1]["text"].rstrip(" ")
        if not nodes[-1]["text"]:
            del nodes[-1]


def _is_code(node: Node) -> bool:
    return any(mark["type"] == "code" for mark in node.get("marks", ()))


_FITTINGS: Final[Mapping[str, Callable[[Node], list[Node]]]] = MappingProxyType(
    {"divider": _divider, "paragraph": _text, "heading": _text, "blockquote": _quote, "li": _item}
    | dict.fromkeys(("ol", "ul", "table", "table_row"), _container)
    | dict.fromkeys(sorted(CELLS), _cell)
)
"""How each kind of block is fitted: into none, one, or several."""
