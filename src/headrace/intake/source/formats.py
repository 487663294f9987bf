"""The formats we read, by the file's suffix: where a new one is added, in one line of a table."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.errors import SourceError, UsageError
from headrace.intake.source.compression import COMPRESSIONS
from headrace.intake.source.delimited import Delimited
from headrace.intake.source.file import FileSource, Layout
from headrace.intake.source.input import Input
from headrace.intake.source.items import Item, ItemSource
from headrace.intake.source.json_array import JsonArray
from headrace.intake.source.json_lines import JsonLines
from headrace.intake.source.protocol import Source
from headrace.intake.suggestion import did_you_mean, listed

STANDARD_INPUT: Final = "-"


class Options(Struct, frozen=True, kw_only=True):
    """What a user may say about a file; None where the file shall tell."""

    encoding: str | None = None
    delimiter: str | None = None
    path: str | None = None


def _csv(options: Options) -> Layout:
    return Delimited(encoding=options.encoding, delimiter=options.delimiter)


def _tsv(options: Options) -> Layout:
    return Delimited(encoding=options.encoding, delimiter=options.delimiter or "\t")


def _json_lines(options: Options) -> Layout:
    return JsonLines(encoding=options.encoding)


def _json(options: Options) -> Layout:
    path = options.path.split(".") if options.path else ()
    return JsonArray(encoding=options.encoding, path=path)


class Format(Struct, frozen=True):
    """One format: its layout, the suffixes that stand for it, the options that mean something for it."""

    layout: Callable[[Options], Layout]
    suffixes: tuple[str, ...]
    options: frozenset[str]


FORMATS: Final[Mapping[str, Format]] = {
    "csv": Format(_csv, (".csv", ".txt"), frozenset({"encoding", "delimiter"})),
    "tsv": Format(_tsv, (".tsv", ".tab"), frozenset({"encoding", "delimiter"})),
    "jsonl": Format(_json_lines, (".jsonl", ".ndjson"), frozenset({"encoding"})),
    "json": Format(_json, (".json",), frozenset({"encoding", "path"})),
}

_SAVE_AS_CSV: Final = "save the sheet as CSV (UTF-8) and import that"
_EXPORT: Final = "export the table as CSV or JSON Lines and import that"
NOT_READ: Final[Mapping[str, str]] = {
    ".xlsx": _SAVE_AS_CSV,
    ".xlsm": _SAVE_AS_CSV,
    ".xls": _SAVE_AS_CSV,
    ".ods": _SAVE_AS_CSV,
    ".numbers": _SAVE_AS_CSV,
    ".parquet": _EXPORT,
    ".feather": _EXPORT,
    ".xml": _EXPORT,
}
"""Suffixes of formats that people will try, to the remedy."""

_DELIMITER_NAMES: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|"}


def open_source(
    where: Path | str | Iterable[Item],
    *,
    format: str | None = None,  # noqa: A002 - the name the import file and the command line use
    encoding: str | None = None,
    delimiter: str | None = None,
    path: str | None = None,
    name: str | None = None,
) -> Source:
    """Return the source that `where` is: a file, `-` for standard input, or an iterable of mappings or Structs.

    The suffix tells the format (`.csv .tsv .txt .jsonl .ndjson .json`, each also with `.gz .bz2 .xz .zst`) unless
    `format` does, by the keys of `FORMATS`; standard input needs it. `path` leads to the array in a JSON document, by
    keys with dots between. Raises `SourceError` for what cannot be read, `UsageError` for options that do not fit.
    """
    if not isinstance(where, (str, Path)):
        return ItemSource(where, name=name or "rows")
    options = Options(encoding=encoding, delimiter=_delimiter(delimiter), path=path)
    name = name or ("standard input" if str(where) == STANDARD_INPUT else str(where))
    kind, compression = _kind(str(where), format, name)
    _refuse_unfit(kind, options)
    file = Input(None if str(where) == STANDARD_INPUT else Path(where), name=name, compression=compression)
    return FileSource(file, FORMATS[kind].layout(options))


def _kind(where: str, given: str | None, name: str) -> tuple[str, str | None]:
    """Return the format's key and the compression's suffix."""
    suffixes = [suffix.lower() for suffix in Path(where).suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSIONS else None
    if given is not None:
        return _given(given, compression)
    suffix = suffixes[-1] if suffixes else ""
    for kind, found in FORMATS.items():
        if suffix in found.suffixes:
            return kind, compression
    kinds = listed(list(FORMATS), last="or")
    hint = NOT_READ.get(suffix, f"say which format it is: {kinds}")
    raise SourceError("the name does not tell a format that can be read", file=name, hint=hint)


def _given(given: str, compression: str | None) -> tuple[str, str | None]:
    """Read a format that the user names, such as `csv` or `csv.gz`."""
    kind, _, packed = given.lower().removeprefix(".").partition(".")
    kind = next((key for key, found in FORMATS.items() if f".{kind}" in found.suffixes), kind)
    if kind not in FORMATS or (packed and f".{packed}" not in COMPRESSIONS):
        hint = did_you_mean(given, FORMATS) or f"one of {listed(list(FORMATS), last='or')}"
        raise UsageError(f"there is no format '{given}'", hint=hint)
    return kind, f".{packed}" if packed else compression


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    sign = _DELIMITER_NAMES.get(given.lower(), given)
    if not re.fullmatch(r'[^\r\n"\0]', sign):
        raise UsageError(f"'{given}' cannot be a delimiter", hint="it is one character, such as ',' or ';', or 'tab'")
    return sign


def _refuse_unfit(kind: str, options: Options) -> None:
    unfit = [key for key in options.__struct_fields__ if getattr(options, key) and key not in FORMATS[kind].options]
    if unfit:
        raise UsageError(f"'{unfit[0]}' means nothing for the format {kind}", hint=f"leave '{unfit[0]}' out")
