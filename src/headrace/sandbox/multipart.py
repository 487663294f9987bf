"""Multipart forms as they arrive (RFC 7578), read strictly and without a copy of anybody's parser."""

import re
from dataclasses import dataclass
from typing import Final

_BOUNDARY: Final = re.compile(r'multipart/form-data;\s*boundary="?([^";]{1,70})"?\s*$', re.IGNORECASE)
_DISPOSITION: Final = re.compile(
    rb'^content-disposition: form-data; name="([^"]*)"(?:; filename="([^"]*)")?(?:;[^\r\n]*)?$',
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; `filename` is None where it is not a file."""

    name: str
    content: bytes
    filename: str | None = None


def parts(content_type: str, body: bytes) -> list[Part]:
    """Return the fields of a form, in order; none where it is not one from its beginning to its end."""
    boundary = _BOUNDARY.match(content_type)
    if boundary is None:
        return []
    mark = b"--" + boundary[1].encode()
    first, *middle, last = body.split(mark)
    if first or not last.startswith(b"--"):
        return []
    found = [_part(each) for each in middle]
    return [] if None in found else [part for part in found if part is not None]


def _part(block: bytes) -> Part | None:
    head, blank, content = block.partition(b"\r\n\r\n")
    told = _DISPOSITION.search(head.replace(b"\r\n", b"\n"))
    if not blank or told is None or not content.endswith(b"\r\n"):
        return None
    return Part(told[1].decode(), content[:-2], None if told[2] is None else told[2].decode())
