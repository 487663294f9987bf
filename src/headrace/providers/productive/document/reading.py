"""Reading: HTML as a tree of blocks and inline nodes, nested as somebody wrote it."""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Node: TypeAlias = dict[str, Any]
"""A node of the document format, or one that is not fitted yet."""

CELLS: Final = frozenset({"table_cell", "table_header"})
CELL: Final[Mapping[str, Any]] = MappingProxyType({"colspan": 1, "rowspan": 1, "colwidth": None})
"""The attributes of a cell as the vendor's page has them."""

_BLOCKS: Final[Mapping[str, str]] = MappingProxyType(
    {"p": "paragraph", "pre": "paragraph", "blockquote": "blockquote", "ol": "ol", "ul": "ul", "li": "li"}
    | {"table": "table", "tr": "table_row", "td": "table_cell", "th": "table_header"}
    | {f"h{level}": "heading" for level in range(1, 7)}
)
_MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {"em": "em", "i": "em", "strong": "strong", "b": "strong", "s": "strike", "del": "strike", "strike": "strike"}
    | {"u": "underline", "ins": "underline", "code": "code", "a": "link", "mark": "discussion"}
)
_TEXTS: Final = frozenset({"paragraph", "heading"})
"""Blocks that hold inline nodes from the first."""
_SILENT: Final = frozenset({"script", "style", "head", "title", "template"})
_BREAKS: Final = frozenset({"div", "section", "article", "header", "footer", "main", "dl", "dt", "dd", "figure"})
_MENTION: Final = re.compile(r"mention:(?P<type>person|task|page)/(?P<id>\d+)")
"""How a link names a person, a task or a page of the account: `[Jane](mention:person/7)`."""
_LEVELS: Final = 3


def blocks_of(text: str) -> list[Node]:
    """Return the outermost blocks of a text in HTML."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.blocks


class _Reader(HTMLParser):
    """Reads a text once. Mutable state: the blocks that are open, outermost first, and the marks that are."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Node] = []
        self._open: list[Node] = [{"type": "doc", "content": self.blocks}]
        self._marks: list[tuple[str, Node | None]] = []
        self._whole: Node | None = None  # the mention or file whose name is being read
        self._silent = 0
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Open a block or a mark, or put in a node."""
        given = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._verbatim += tag == "pre"
            self._begin(tag, given)
        elif tag in _MARKS:
            self._mark(tag, given)
        elif tag in _BREAKS:
            self._end_unnamed()
        elif tag == "hr":
            self._end_texts()
            self._open[-1]["content"].append({"type": "divider"})
        elif tag in _LEAVES:
            self._put(_LEAVES[tag](given))
        elif tag == "input" and given.get("type") == "checkbox":
            self._text("[x] " if "checked" in given else "[ ] ")

    def handle_endtag(self, tag: str) -> None:
        """Close a block or a mark; one that is not open is none."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _MARKS:
            self._unmark(tag)
        elif tag in _BREAKS:
            self._end_unnamed()
        elif tag in _BLOCKS:
            self._verbatim = max(0, self._verbatim - (tag == "pre"))
            self._close(tag)

    def handle_data(self, data: str) -> None:
        """Put in text: line breaks count only where they are meant."""
        if not self._verbatim:
            self._text(re.sub(r"\s+", " ", data))
            return
        for number, line in enumerate(data.removesuffix("\n").split("\n")):
            if number:
                self._put({"type": "br"})
            self._text(line)

    # Blocks

    def _begin(self, tag: str, given: Mapping[str, str]) -> None:
        self._whole = None
        self._end_texts()
        block: Node = {"type": _BLOCKS[tag], "content": [], "tag": tag}
        if block["type"] == "heading":
            block["attrs"] = {"level": min(_LEVELS, int(tag[1]))}
        if block["type"] in CELLS:
            block["attrs"] = {**CELL, **_numbers(given, "colspan", "rowspan")}
        self._open[-1]["content"].append(block)
        self._open.append(block)

    def _close(self, tag: str) -> None:
        self._whole = None
        places = [place for place, block in enumerate(self._open) if block.get("tag") == tag]
        if places:
            del self._open[places[-1] :]

    def _end_unnamed(self) -> None:
        """Close a paragraph that no tag has opened."""
        if len(self._open) > 1 and "tag" not in self._open[-1]:
            self._open.pop()

    def _end_texts(self) -> None:
        """Close, before a block, what cannot hold it."""
        while self._open[-1]["type"] in _TEXTS:
            self._open.pop()

    # Inline nodes

    def _mark(self, tag: str, given: Mapping[str, str]) -> None:
        """Open a mark, or a node that takes the text within as its name."""
        whole = _reference(given) if tag == "a" else None
        self._marks.append((tag, None if whole else _mark(tag, given)))
        if whole is not None:
            self._put(whole)
        self._whole = whole if tag == "a" else self._whole

    def _unmark(self, tag: str) -> None:
        places = [place for place, (name, _) in enumerate(self._marks) if name == tag]
        if places:
            del self._marks[places[-1]]
        if tag == "a":
            self._whole = None

    def _text(self, text: str) -> None:
        if not text or self._silent:
            return
        if self._whole is not None:
            name = "label" if self._whole["type"] == "mention" else "name"
            self._whole["attrs"][name] += text
            return
        unique = {mark["type"]: mark for _, mark in self._marks if mark is not None}
        if self._verbatim:
            unique.setdefault("code", {"type": "code"})
        self._put({"type": "text", "text": text, **({"marks": [*unique.values()]} if unique else {})})

    def _put(self, node: Node) -> None:
        """Put an inline node into the block that is open, or into a paragraph of its own."""
        if self._silent:
            return
        self._whole = None
        if self._open[-1]["type"] not in _TEXTS:
            if node["type"] == "text" and not node["text"].strip():
                return
            paragraph: Node = {"type": "paragraph", "content": []}
            self._open[-1]["content"].append(paragraph)
            self._open.append(paragraph)
        self._open[-1]["content"].append(node)


def _numbers(given: Mapping[str, str], *names: str) -> dict[str, int]:
    return {name: int(given[name]) for name in names if re.fullmatch(r"[1-9]\d{0,3}", given.get(name, ""))}


def _reference(given: Mapping[str, str]) -> Node | None:
    """Return the mention (`mention:`) or the file (`download`) that a link stands for, without its name yet."""
    found = _MENTION.fullmatch(given.get("href", ""))
    if found is not None:
        return {"type": "mention", "attrs": {**found.groupdict(), "label": "", "avatarUrl": ""}}
    if "download" in given:
        return {"type": "file", "attrs": {"url": given.get("href", ""), "name": "", "type": given.get("type", "")}}
    return None


def _mark(tag: str, given: Mapping[str, str]) -> Node | None:
    kind = _MARKS[tag]
    if kind == "link":
        return {"type": kind, "attrs": {"href": given.get("href", ""), "title": given.get("title", "")}}
    if kind == "discussion":
        number = given.get("data-discussion-id")
        return {"type": kind, "attrs": {"discussionId": number, "resolvedId": ""}} if number else None
    return {"type": kind}


def _image(given: Mapping[str, str]) -> Node:
    known = {name: given[name] for name in ("src", "alt", "title") if given.get(name)}
    return {"type": "image", "attrs": {"src": "", **known, **_numbers(given, "width")}}


def _break(given: Mapping[str, str]) -> Node:
    del given
    return {"type": "br"}


_LEAVES: Final = MappingProxyType({"img": _image, "br": _break})
