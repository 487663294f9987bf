"""Compressed input, unpacked in bounded steps: the layer between the stored bytes and their meaning."""

import importlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol, cast

from headrace.errors import SourceError

STEP: Final = 64 * 1024
"""Most bytes that one step unpacks."""

MAX_RATIO: Final = 200
"""Most bytes unpacked per byte stored, once `FREE` bytes are out: text packs 5 to 20 times, a bomb 1,000 times."""

FREE: Final = 64 << 20
MAX_UNPACKED: Final = 64 << 30
MAX_DICTIONARY: Final = 256 << 20
"""Memory that an .xz file may ask for."""


class CutError(Exception):
    """The bytes break off or break down here. The format that reads them knows the place and calls `at()`."""

    def __init__(self, message: str, *, hint: str | None = None, line: int | None = None) -> None:
        """`line` is where, if it is not where the reader stands; 0 stands for the file as a whole."""
        super().__init__(message)
        self.hint = hint
        self.line = line

    def at(self, file: str, line: int) -> SourceError:
        """Return the error for the user, for a reader that stands at `line`."""
        place = line if self.line is None else self.line or None
        return SourceError(str(self), file=file, line=place, hint=self.hint)


class Unpacker(Protocol):
    """One compressed member, as the standard library's `BZ2Decompressor` and its like have it."""

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""

    @property
    def unused_data(self) -> bytes:
        """What came after the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most `max_length` bytes; fewer mean that all of `data` was taken in."""


class _Gzip:
    """zlib's decompressor with the manners of the others: it keeps what it has not yet taken in."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)  # 31: a gzip header, not a zlib one

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


def _lazily(module: str, name: str, **options: Any) -> Callable[[], Unpacker]:
    """Return a maker from a module that not every Python has."""

    def make() -> Unpacker:
        try:
            found = getattr(importlib.import_module(module), name)
        except ImportError:
            raise CutError(f"this Python has no {module}", hint="unpack the file first") from None
        return cast("Unpacker", found(**options))

    return make


COMPRESSIONS: Final[Mapping[str, Callable[[], Unpacker]]] = {
    ".gz": _Gzip,
    ".bz2": _lazily("bz2", "BZ2Decompressor"),
    ".xz": _lazily("lzma", "LZMADecompressor", memlimit=MAX_DICTIONARY),
    ".zst": _lazily("compression.zstd", "ZstdDecompressor"),  # Python 3.14 and later
}
"""Suffix to a maker of unpackers. A new compression is one line here."""


def unpack(blocks: Iterator[bytes], suffix: str | None, *, spent: Callable[[], int]) -> Iterator[bytes]:
    """Yield the unpacked bytes of `blocks`; `spent` says how many stored bytes have been read so far."""
    if suffix is None:
        return blocks
    return _bounded(_members(blocks, suffix), spent)


def _members(blocks: Iterator[bytes], suffix: str) -> Iterator[bytes]:
    """Yield the content of all members one after another, as gzip and its like define concatenation."""
    make = COMPRESSIONS[suffix]
    member, is_between = make(), True
    for block in blocks:
        data = block
        # Zero bytes between members are padding (tapes, xz).
        while not is_between or (data := data.lstrip(b"\0")):
            is_between = False
            out = _step(member, data, suffix)
            if out:
                yield out
            if member.eof:
                data, member, is_between = member.unused_data, make(), True
            elif len(out) == STEP:
                data = b""
            else:
                break
    if not is_between:
        raise CutError("the compressed data ends too early", hint="the file is truncated: copy or export it again")


def _step(member: Unpacker, data: bytes, suffix: str) -> bytes:
    try:
        return member.decompress(data, STEP)
    except Exception:  # noqa: BLE001 - each module has an error of its own, and not every Python has every module
        raise CutError(
            f"not valid {suffix} data from here on", hint="the file is damaged or is not compressed at all"
        ) from None


def _bounded(blocks: Iterator[bytes], spent: Callable[[], int]) -> Iterator[bytes]:
    """Pass `blocks` on until they are more than an honest file can hold."""
    total = 0
    for block in blocks:
        total += len(block)
        if total > MAX_UNPACKED or (total > FREE and total > MAX_RATIO * spent()):
            raise CutError(
                f"unpacks to more than {MAX_RATIO} times its size, as a decompression bomb does",
                hint="if the file is sound, unpack it first and import the result",
            )
        yield block
