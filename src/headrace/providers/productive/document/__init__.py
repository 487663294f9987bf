"""Documents: Markdown and HTML as Productive's document format, which pages hold as their body. Pure.

https://developer.productive.io/guides/document-format: blocks, inline nodes and marks. Markdown becomes HTML first, by
markdown-it; HTML is read into blocks as they are written (`reading`), and those into what the format takes (`fitting`).
What has no node of its own keeps its text.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from headrace.providers.productive.document.fitting import fitted
from headrace.providers.productive.document.reading import blocks_of


def from_markdown(text: str) -> str:
    """Return the document, as JSON text, that Markdown is: CommonMark, tables, ~~strike~~, task lists, alerts.

    Raises `ImportError` where the extra `headrace[markdown]` is not installed.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415 - an extra: only this needs it

    return from_html(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


def from_html(text: str) -> str:
    """Return the document, as JSON text, that HTML is. However badly it is nested, it is one."""
    return msgspec.json.encode({"type": "doc", "content": fitted(blocks_of(text))}).decode()


CONVERSIONS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"markdown": from_markdown, "html": from_html}
)
"""By what `as` says."""
