"""The import file: `import.toml` as Structs, and every mistake in it named with its line and a suggestion."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from headrace.errors import SourceError
from headrace.fitting import Problem, name_problems, setting_problems
from headrace.intake.mapping import Rule
from headrace.loads import LoadSpec, MissingSpec, with_missing
from headrace.missing import missing_problems
from headrace.naming import suggestion
from headrace.ordering import cycle, ordered
from headrace.provider import UPSERT, Provider, Resource, effective, fitted
from headrace.provider.form import form
from headrace.provider.guarantee import CUSTOM_FIELDS


class ImportSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole import. The same `name` and target never import a row twice.

    `ids` are checkpoints of earlier imports into the same account, relative to the import file: `from` finds the ids
    of their loads too. `provider_settings` and `provider_fields` say what the vendor does not publish: values by the
    name of the setting, and the vendor's names of fields by resource and field (`headrace providers NAME` lists both).
    """

    provider: str
    name: str
    load: tuple[LoadSpec, ...]
    base_url: str | None = None
    ids: tuple[str, ...] = ()
    provider_settings: dict[str, Any] = field(default_factory=dict)
    provider_fields: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def in_order(self) -> tuple[LoadSpec, ...]:
        """The loads in the order in which they are run: each after those that it takes ids from.

        With those that they imply (`loads.MissingSpec`), which no import file holds.
        """
        titles = {load.title: load for load in with_missing(self.load)}
        return tuple(ordered(titles, {title: load.parents for title, load in titles.items()}))

    def fitted(self, provider: Provider) -> Provider:
        """Return `provider` as the import has it. The import has been checked."""
        return fitted(provider, self.provider_settings, self.provider_fields)


def read_import(path: Path) -> ImportSpec:
    """Read an import file; sources become relative to the current directory.

    Raises `SourceError` with file, line and remedy for everything that can be told from the file alone.
    """
    text = _text(path)
    try:
        spec = msgspec.convert(tomllib.loads(text), ImportSpec)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, error) from None
    except msgspec.ValidationError as error:
        raise _not_an_import(path, text, error) from None
    loads = tuple(msgspec.structs.replace(load, source=_beside(path, load.source)) for load in spec.load)
    return msgspec.structs.replace(spec, load=loads, ids=tuple(_beside(path, one) for one in spec.ids))


def recorded(definition: bytes) -> ImportSpec:
    """Return the import that a checkpoint holds the `definition` of."""
    return msgspec.json.decode(definition, type=ImportSpec)


def check_import(spec: ImportSpec, provider: Provider, path: Path | None = None) -> None:
    """Raise `SourceError` where `spec` names a resource, field or load that does not exist, or in a wrong order."""
    file, text = (None, "") if path is None else (str(path), _text(path))
    known: set[str] = set()
    loads = sorted(with_missing(spec.load), key=lambda load: isinstance(load, MissingSpec))
    titles = {load.title for load in loads}
    tailoring = (setting_problems(spec.provider_settings, provider), name_problems(spec.provider_fields, provider))
    for problem, word, hint in chain(*tailoring):
        raise SourceError(problem, file=file, line=_line_of(text, word), hint=hint)
    for load in loads:
        double = [_called_alike(load)] if load.title in known else []
        own = missing_problems(load, loads, provider) if isinstance(load, MissingSpec) else ()
        for problem, word, hint in chain(double, _problems(load, provider), _parent_problems(load, titles, spec), own):
            raise SourceError(problem, file=file, line=_line_of(text, word), hint=hint)
        known.add(load.title)
    circle = cycle({load.title: load.parents & titles for load in loads})
    if circle:
        line = next((found for title in circle if (found := _line_of(text, title)) is not None), None)
        hint = "leave one of these references out, and set it by a load that updates, when all are there"
        raise SourceError(f"loads wait for each other: {' → '.join(circle)}", file=file, line=line, hint=hint)
    if not spec.load:
        raise SourceError("it has no [[load]]", file=file, hint='add [[load]] with resource = "..." and source = "..."')


def single(path: str, provider: str, resource: str) -> ImportSpec:
    """Return the import of one data file without an import file; its name is the file's stem."""
    return ImportSpec(provider=provider, name=stem(path), load=(LoadSpec(resource=resource, source=path),))


_COMPRESSED: Final = frozenset({".gz", ".zst", ".bz2", ".xz"})


def stem(path: str) -> str:
    """Return the file name of `path` without its format and compression: `hours.csv.gz` is `hours`."""
    bare = Path(path).with_suffix("") if Path(path).suffix in _COMPRESSED else Path(path)
    return bare.stem if path != "-" else "stdin"


def import_schema() -> dict[str, Any]:
    """Return the JSON Schema of the import file."""
    return msgspec.json.schema(ImportSpec)


# --- what can be wrong ------------------------------------------------------------------------------------------


def _called_alike(load: LoadSpec) -> Problem:
    return f"two loads are called {load.title!r}", load.title, 'give one of them its own name = "..."'


def _parent_problems(load: LoadSpec, titles: set[str], spec: ImportSpec) -> Iterator[Problem]:
    """Yield what is wrong with the loads that a load takes ids from; those of earlier imports show when it is run."""
    for title in sorted(load.parents - titles) if not spec.ids else ():
        yield (
            f"{load.title} takes ids from {title!r}, which is no load",
            title,
            suggestion(title, titles - {load.title}),
        )
    if load.title in load.parents and load.operation != "create":
        yield f"{load.title} makes no records that its rows could refer to", load.title, "refer to the load that does"


def _problems(load: LoadSpec, provider: Provider) -> Iterator[Problem]:
    """Yield what is wrong with a load: the problem, the word in the file that it is about, and a hint."""
    resource = provider.resource(load.resource)
    if resource is None:
        names = [known.name for known in provider.resources if known.writes]
        yield f"{provider.name} has no resource {load.resource!r}", load.resource, suggestion(load.resource, names)
        return
    if load.operation not in resource.load_operations:
        yield _no_operation(load, resource, provider)
        return
    yield from _marker_problems(load, resource)
    fields = [field.encode_name for field in msgspec.structs.fields(form(resource, load.operation))]
    for name in load.fields:
        if name not in fields and not (name.startswith("custom_fields.") and "custom_fields" in fields):
            action = resource.instead.get(name) if load.operation == "update" else None
            hint = f'operation = "{action}" sets it' if action else suggestion(name, fields)
            yield f"{_takes(load)} no field {name!r}", name, hint
    yield from _upsert_problems(load, fields)
    yield from _rule_problems(load, provider)


def _no_operation(load: LoadSpec, resource: Resource, provider: Provider) -> Problem:
    """Return the problem of an operation that the resource does not have, with what else there is."""
    if not resource.operations:
        names = [known.name for known in provider.resources if load.operation in known.load_operations]
        return f"{resource.name} cannot be written by {load.operation}", load.resource, f"known: {', '.join(names)}"
    problem = f"{resource.name} have no operation {load.operation!r}"
    return problem, load.operation, suggestion(load.operation, resource.load_operations)


def _takes(load: LoadSpec) -> str:
    """Return who takes or does not take a field."""
    return f"{load.resource} has" if load.operation == "create" else f"{load.operation} of {load.resource} takes"


def _marker_problems(load: LoadSpec, resource: Resource) -> Iterator[Problem]:
    try:
        effective(resource, load.marker, load.operation)
    except ValueError as error:
        yield str(error), load.marker, 'marker = "off" adds nothing to the data'


def _upsert_problems(load: LoadSpec, fields: list[str]) -> Iterator[Problem]:
    """Yield what is wrong with how a load finds what is there already."""
    if load.operation == UPSERT and not load.by:
        hint = 'for example by = ["name"]: which record a row is about must be told by its fields'
        yield f"an upsert of {load.resource} needs by", load.operation, hint
    if load.by and load.operation != UPSERT:
        yield f"{load.title} finds nothing by {load.by[0]!r}", load.by[0], 'by goes with operation = "upsert"'
    for name in load.by:
        if name not in fields or name == CUSTOM_FIELDS:
            yield f"{load.resource} cannot be found by {name!r}", name, suggestion(name, fields)


def _rule_problems(load: LoadSpec, provider: Provider) -> Iterator[Problem]:
    for name, rule in load.fields.items():
        if isinstance(rule, Rule) and rule.lookup is not None:
            yield from _lookup_problems(name, rule.lookup, rule.by, provider)


def _lookup_problems(name: str, lookup: str, by: str | None, provider: Provider) -> Iterator[Problem]:
    target = provider.resource(lookup)
    if target is None:
        names = [known.name for known in provider.resources]
        yield f"{name} looks up {lookup!r}, which is no resource", lookup, suggestion(lookup, names)
    elif by not in target.lookups:
        yield (
            f"{name}: {lookup} cannot be looked up by {by!r}",
            by or "lookup",
            f"by = {' or '.join(repr(known) for known in target.lookups) or 'nothing'}",
        )


# --- where it is wrong ------------------------------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SourceError(f"cannot be read: {reason}", file=str(path), hint="check the path") from None


def _line_of(text: str, word: str) -> int | None:
    """Return the 1-based line of the first mention of `word` outside a comment: tomllib keeps no positions.

    Of several words it is the line that has them all, or else that of the last one.
    """
    words = word.split()
    patterns = [re.compile(rf"(?<![\w-]){re.escape(one)}(?![\w-])") for one in words]
    lines = enumerate((line.split("#", 1)[0] for line in text.splitlines()), start=1)
    found = next((number for number, line in lines if all(one.search(line) for one in patterns)), None)
    return found if found is not None or len(words) < 2 else _line_of(text, words[-1])


def _beside(path: Path, source: str) -> str:
    return source if source == "-" else str(path.parent / source)


def _not_toml(path: Path, error: tomllib.TOMLDecodeError) -> SourceError:
    found = re.search(r"^(?P<what>.*) \(at line (?P<line>\d+), column \d+\)$", str(error))
    line = int(found["line"]) if found else None
    return SourceError(f"not valid TOML: {found['what'] if found else error}", file=str(path), line=line)


_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<word>[^`]+)`(?: - at `\$(?P<place>[^`]*)`)?")
_QUOTED: Final = re.compile(r"'([^']+)'")
_MISSING: Final = re.compile(r"Object missing required field `(?P<word>[^`]+)`")
_TABLES: Final[Mapping[bool, type[Struct]]] = {True: LoadSpec, False: ImportSpec}


def _not_an_import(path: Path, text: str, error: msgspec.ValidationError) -> SourceError:
    message = str(error)
    if unknown := _UNKNOWN.search(message):
        word, place = unknown["word"], unknown["place"] or ""
        table = Rule if ".fields" in place else _TABLES[place.startswith(".load")]
        known = [name.encode_name for name in msgspec.structs.fields(table)]
        return SourceError(
            f"unknown key {word!r}", file=str(path), line=_line_of(text, word), hint=suggestion(word, known)
        )
    if missing := _MISSING.search(message):
        return SourceError(f"the key {missing['word']!r} is missing", file=str(path), hint=message)
    what, _, place = message.partition(" - at `$")
    # A message of ours quotes the word that is wrong; msgspec's own names the key.
    words = [*_QUOTED.findall(what), place.strip("`").rpartition(".")[2]]
    line = next((found for word in words if word and (found := _line_of(text, word)) is not None), None)
    return SourceError(what, file=str(path), line=line)
