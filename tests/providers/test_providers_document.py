"""Documents: whatever Markdown or HTML says becomes a document that the sandbox accepts, with all its text in order."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers_rows import UNHURRIED

from headrace.providers.productive.document import from_html, from_markdown
from headrace.sandbox.productive.document import KINDS, MARKS, fault


def text_of(node: dict[str, Any]) -> str:
    """Return what a reader sees: blocks and breaks part words."""
    named = node.get("attrs", {})
    own = node.get("text") or named.get("label") or named.get("name") or ("" if node["type"] == "text" else "\n")
    return own + "".join(map(text_of, node.get("content", ())))


def words(text: str) -> list[str]:
    """Return the words of a text; a box that is no item of a checklist is none."""
    return re.findall(r"\w+", text.replace("[x]", " "))


WORDS = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta7", "ömega"]), min_size=1, max_size=4).map(" ".join)
INLINE = st.one_of(
    WORDS,
    WORDS.map("**{}**".format),
    WORDS.map("*{}*".format),
    WORDS.map("~~{}~~".format),
    WORDS.map("`{}`".format),
    WORDS.map("<u>{}</u>".format),
    WORDS.map("[{}](https://example.com)".format),
)
LINES = st.lists(INLINE, min_size=1, max_size=3).map(" ".join)
BLOCKS = st.one_of(
    LINES,
    st.tuples(st.integers(1, 6), LINES).map(lambda found: "#" * found[0] + " " + found[1]),
    LINES.map("> {}".format),
    st.lists(LINES, min_size=1, max_size=3).map(lambda items: "\n".join(f"- {item}" for item in items)),
    st.lists(LINES, min_size=1, max_size=3).map(
        lambda items: "\n".join(f"{n}. {item}" for n, item in enumerate(items, 1))
    ),
    st.lists(LINES, min_size=1, max_size=3).map(lambda items: "\n".join(f"- [x] {item}" for item in items)),
    st.lists(WORDS, min_size=1, max_size=3).map(
        lambda cells: "|" + "|".join(cells) + "|\n" + "|---" * len(cells) + "|"
    ),
    WORDS.map("```\n{}\n```".format),
    WORDS.map("- outer\n    - {}".format),
    WORDS.map("> [!WARNING]\n> {}".format),
)


@UNHURRIED
@given(st.lists(BLOCKS, min_size=1, max_size=6))
def test_markdown_becomes_a_document_with_all_its_words(blocks: list[str]) -> None:
    """Blocks of every kind, in any order: accepted by the sandbox, and every word is there in its place."""
    text = "\n\n".join(blocks)
    document = from_markdown(text)
    assert fault(document) is None, document
    said = re.sub(r"\]\(https://example.com\)|</?u>|\[!WARNING\]|^\d+\.", " ", text, flags=re.MULTILINE)
    assert words(text_of(json.loads(document))) == words(said)


class Said(HTMLParser):
    """Keeps the text outside of what is never shown."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.silent = "", 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self.silent += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(0, self.silent - (tag in {"script", "style"}))

    def handle_data(self, data: str) -> None:
        self.text += "" if self.silent else f" {data} "


TAGS = st.sampled_from(
    ["p", "h1", "h5", "ul", "ol", "li", "table", "tr", "td", "th", "blockquote", "pre", "div", "span", "b", "i", "code"]
)
STARTS = st.one_of(TAGS, st.sampled_from(["a", "a download", "mark data-discussion-id=1", "u", "br", "hr"])).map(
    "<{}>".format
)


@UNHURRIED
@given(st.lists(st.one_of(STARTS, TAGS.map("</{}>".format), st.just("</a>"), WORDS.map(" {} ".format)), max_size=25))
def test_any_html_becomes_a_document(parts: list[str]) -> None:
    """However badly it is nested, nothing raises, the sandbox accepts it, and no word is lost or moved."""
    text = "".join(parts)
    document = from_html(text)
    assert fault(document) is None, document
    said = Said()
    said.feed(text)
    said.close()
    assert words(text_of(json.loads(document))) == words(said.text)


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    """Whatever somebody wrote, both readers make a document of it."""
    assert fault(from_markdown(text)) is None
    assert fault(from_html(text)) is None


def says(text: str, *marks: Any) -> dict[str, Any]:
    """Return a text node."""
    return {"type": "text", "text": text, **({"marks": [*marks]} if marks else {})}


def paragraph(*content: Any) -> dict[str, Any]:
    """Return a paragraph of nodes."""
    return {"type": "paragraph", "content": [*content]} if content else {"type": "paragraph"}


def item(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    """Return a block of a kind."""
    return {"type": kind, **({"attrs": attrs} if attrs else {}), "content": [*content]}


BR = {"type": "br"}
PAGE = {"id": "2", "type": "page", "label": "Jane Roe", "avatarUrl": ""}
CELL = {"colspan": 1, "rowspan": 1, "colwidth": None}
NODES: list[tuple[str, dict[str, Any]]] = [
    ("Hello **world**", paragraph(says("Hello "), says("world", {"type": "strong"}))),
    ("*a*", paragraph(says("a", {"type": "em"}))),
    ("~~a~~", paragraph(says("a", {"type": "strike"}))),
    ("<u>a</u>", paragraph(says("a", {"type": "underline"}))),
    ("`a b`", paragraph(says("a b", {"type": "code"}))),
    (
        '[Productive](https://productive.io "Productive")',
        paragraph(
            says("Productive", {"type": "link", "attrs": {"href": "https://productive.io", "title": "Productive"}})
        ),
    ),
    (
        '<mark data-discussion-id="1">world</mark>',
        paragraph(says("world", {"type": "discussion", "attrs": {"discussionId": "1", "resolvedId": ""}})),
    ),
    (
        "[John Doe](mention:person/1)",
        paragraph({"type": "mention", "attrs": {"id": "1", "type": "person", "label": "John Doe", "avatarUrl": ""}}),
    ),
    (
        '<a download href="https://example.com/f" type="xml">file.html</a>',
        paragraph({"type": "file", "attrs": {"url": "https://example.com/f", "name": "file.html", "type": "xml"}}),
    ),
    ("![logo](a.png)", paragraph({"type": "image", "attrs": {"src": "a.png", "alt": "logo"}})),
    (
        '<img src="a.png" title="t" width="100">',
        paragraph({"type": "image", "attrs": {"src": "a.png", "title": "t", "width": 100}}),
    ),
    ("a  \nb", paragraph(says("a"), BR, says("b"))),
    ("##### Deep", item("heading", says("Deep"), level=3)),
    ("---", {"type": "divider"}),
    ("1. a", item("ol", item("li", paragraph(says("a"))))),
    ("- a\n- b", item("ul", item("li", paragraph(says("a"))), item("li", paragraph(says("b"))))),
    ("- [ ] a", item("checklist", item("checklist_item", paragraph(says("a")), checked=False))),
    ("> one\n>\n> two", item("blockquote", says("one"), BR, says("two"))),
    ("> [!CAUTION]\n> Hot", item("banner", paragraph(says("Hot")), type="critical")),
    (
        "| a |\n|---|\n||",
        item(
            "table",
            item("table_row", item("table_header", paragraph(says("a")), **CELL)),
            item("table_row", item("table_cell", paragraph(), **CELL)),
        ),
    ),
    ("```\nif a:\n    b\n```", paragraph(says("if a:", CODE := {"type": "code"}), BR, says("    b", CODE))),
    ("Hello <b> world </b> !", paragraph(says("Hello "), says("world ", {"type": "strong"}), says("!"))),
    ("- a\n    1. b", item("ul", item("li", paragraph(says("a")), item("ol", item("li", paragraph(says("b"))))))),
    ("[**Jane** Roe](mention:page/2)", paragraph({"type": "mention", "attrs": PAGE})),
]  # fmt: skip


@pytest.mark.parametrize(("markdown", "expected"), NODES)
def test_nodes_are_those_of_the_vendors_page(markdown: str, expected: dict[str, Any]) -> None:
    """Each kind of node and mark is spelt as the page on the document format has it."""
    document = from_markdown(markdown)
    assert json.loads(document) == {"type": "doc", "content": [expected]}
    assert fault(document) is None


def test_every_kind_of_node_and_mark_is_made() -> None:
    """The cases above leave out nothing that the vendor's page lists."""

    def kinds(node: dict[str, Any]) -> set[str]:
        within = [*node.get("content", ()), *node.get("marks", ())]
        return {node["type"]}.union(*map(kinds, within))

    found = set[str]().union(*(kinds(expected) for _, expected in NODES))
    assert found == set(KINDS) - {"doc"} | MARKS
