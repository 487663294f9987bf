"""From bytes to text: which encoding a file is in, decided on its bytes, and the text in blocks."""

import codecs
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from headrace.errors import UsageError
from headrace.intake.source.compression import CutError

BOMS: Final = (
    # UTF-32 first: its little-endian mark begins with UTF-16's.
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
FALLBACK: Final = "cp1252"
"""What Excel writes in western Europe and America; a file that is not UTF-8 is taken for this."""

_UNDECODED: Final = re.compile("[\udc80-\udcff]")
_STRANGE: Final = re.compile("[^\x00-\x7f]")

_SAY_WHICH: Final = 'say which it is, for example encoding = "cp1252", or save the file as UTF-8'


def known(encoding: str) -> str:
    """Return the codec's own name for `encoding`. Raises `UsageError` for one that Python does not know."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise UsageError(f"there is no encoding '{encoding}'", hint="for example utf-8, cp1252 or utf-16") from None


def mark(block: bytes) -> str | None:
    """Return the encoding that the byte order mark at the start of `block` stands for, None without one."""
    return next((name for sign, name in BOMS if block.startswith(sign)), None)


def texts(
    blocks: Iterator[bytes], *, encoding: str | None, scan: Callable[[], Iterator[bytes]] | None
) -> Iterator[str]:
    """Yield the text of `blocks`, without a byte order mark.

    Without `encoding` the mark decides; without a mark, the whole content as `scan()` yields it: UTF-8 if it is valid,
    else cp1252. Without `scan` (a pipe) cp1252 is taken up at the first byte that is not UTF-8, which is safe as long
    as all before it was ASCII. Raises `CutError` where the bytes fit no encoding, or two.
    """
    first = next(blocks, b"")
    whole = chain((first,), blocks)
    chosen = encoding or mark(first) or (scan and settled(scan))
    decoded = _decoded(whole, chosen) if chosen else _guessed(whole)
    return _unmarked(decoded)


def utf8(blocks: Iterator[bytes], *, encoding: str | None) -> Iterator[bytes]:
    """Yield `blocks` as UTF-8 without a byte order mark: what JSON is, whatever it comes in."""
    first = next(blocks, b"")
    whole = chain((first,), blocks)
    chosen = encoding or mark(first) or "utf-8"
    if chosen != "utf-8":
        return (text.encode() for text in texts(whole, encoding=chosen, scan=None))
    return filter(None, chain((first.removeprefix(codecs.BOM_UTF8),), blocks))


def settled(scan: Callable[[], Iterator[bytes]]) -> str:
    """Return `utf-8` or `cp1252`, whichever the whole of what `scan()` yields is. Raises `CutError` for a mixture."""
    return "utf-8" if _is_utf8(scan()) else _weighed(scan())


def _is_utf8(blocks: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            if not block.isascii() or decoder.getstate()[0]:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _weighed(blocks: Iterator[bytes]) -> str:
    """Return `cp1252` for what is not all UTF-8, unless too much of it is."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    line, good, bad, place = 1, 0, 0, 0
    for block in blocks:
        if not block.isascii() or decoder.getstate()[0]:
            text = decoder.decode(block)
            odd = len(_UNDECODED.findall(text))
            if odd and not bad:
                place = line + text[: _UNDECODED.search(text).start()].count("\n")  # type: ignore[union-attr] # odd > 0
            bad += odd
            good += len(_STRANGE.findall(text)) - odd
        line += block.count(b"\n")
    bad += len(decoder.getstate()[0])
    # A pair of cp1252 letters may look like UTF-8 now and then, but not one in twenty.
    if good * 20 > bad:
        raise CutError("mixes UTF-8 with another encoding", hint=_SAY_WHICH, line=place or line)
    return FALLBACK


def _decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Decode `blocks`; where a byte does not fit, yield what comes before it first."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in blocks:
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if mark(error.object) is None and "16" not in encoding and "32" not in encoding:
            yield error.object[: error.start].decode(encoding)
        raise CutError(f"holds bytes that are not {encoding}", hint=_SAY_WHICH) from None


def _guessed(blocks: Iterator[bytes]) -> Iterator[str]:
    """Decode what cannot be looked at beforehand."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    for block in blocks:
        pending = decoder.getstate()[0]
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            yield error.object[: error.start].decode()
            if not is_ascii or not error.object[: error.start].isascii():
                raise CutError("mixes UTF-8 with another encoding", hint=_SAY_WHICH) from None
            yield from _decoded(chain((error.object[error.start :],), blocks), FALLBACK)
            return
        is_ascii = is_ascii and not pending and text.isascii()
        yield text
    yield from _decoded(iter((decoder.getstate()[0],)), "utf-8" if not is_ascii else FALLBACK)


def _unmarked(decoded: Iterator[str]) -> Iterator[str]:
    """Take the byte order mark away, which some codecs leave, and empty blocks."""
    is_first = True
    for text in decoded:
        if is_first and text:
            is_first = False
            yield from filter(None, (text.removeprefix("\ufeff"),))
        elif text:
            yield text
