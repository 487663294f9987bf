"""One load's intake, compiled: chunks of rows as found become rows with keys, and those become records."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from headrace.identity import RecordKey, digest, row_key
from headrace.intake.fields import fields_of
from headrace.intake.mapping import Mapping, Resolvers, Rules
from headrace.intake.plan import rule_columns
from headrace.intake.references import AnyRecord, Reference, reference_of
from headrace.intake.rule import read_rules
from headrace.intake.suggestion import did_you_mean, listed
from headrace.intake.validation import Validator
from headrace.model import Chunk, Fault, Invalid, Record, Row, Settled, Sifted
from headrace.provider import Resource

Complete: TypeAlias = Callable[[Struct], Struct | Fault]
"""Makes of a row's value the one that is sent, or says what is wrong with it. Only looks."""
Places: TypeAlias = Callable[[Row], tuple[str, int]]
"""Returns file and line of a row."""


class Intake:
    """What becomes of the rows of one source on their way to one resource.

    For every chunk: `rows()`, then whoever knows what is settled already leaves rows out, then `sift()` on the others.
    `struct` is what a row must fit, by default the resource's own: that of a create. `source` is the source's name, for
    messages; `rules` and `key` are those of the import file; `has_open_columns` the
    source's own. `complete` makes of a valid value the one that is sent, or a fault. A row `stands_for` the record that
    is there already under its name, if it is one of names; `places` says where such a row is from. Used by one thread
    at a time.
    """

    def __init__(
        self,
        resource: Resource,
        struct: type[Struct] | None = None,
        *,
        source: str | None = None,
        rules: Rules | None = None,
        key: Sequence[str] = (),
        has_open_columns: bool = False,
        complete: Complete | None = None,
        stands_for: Reference | None = None,
        places: Places | None = None,
    ) -> None:
        """Read the rules. Raises `UsageError` for those that contradict themselves."""
        self.resource = resource
        self.struct = struct or resource.struct
        self.source = source
        self.key = tuple(key)
        self.rules = read_rules(rules)
        self.references: tuple[Reference, ...] = tuple(
            found for name, rule in self.rules.items() if (found := reference_of(name, rule))
        )
        """Which fields refer to other records; each needs a resolver."""
        self.columns: dict[str, str] = {}
        """Field to the column that fills it; complete once the first chunk has come, and kept up to date in place."""
        self._has_open_columns = has_open_columns
        self.stands_for = stands_for
        self._complete = complete
        self._places = places
        self._digest: bytes | None = None
        self._validator = Validator(self.struct)
        # Mutable: the mapping for the columns of the latest chunk, and the columns themselves.
        self._mapping: Mapping | None = None
        self._seen: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """The 16-byte digest of resource, rules and key: another one means another mapping.

        Whether what is missing is created changes nothing in what rows mean.
        """
        if self._digest is not None:
            return self._digest
        plain = {name: replace(rule, create_missing=False) for name, rule in self.rules.items()}
        rules = msgspec.json.encode(plain, order="deterministic")
        return digest(self.resource.name.encode(), rules, *(name.encode() for name in self.key))

    def with_rules(self, rules: Rules) -> "Intake":
        """Return the same intake by other rules that mean the same: its digest stays."""
        other = Intake(
            self.resource,
            self.struct,
            source=self.source,
            rules=rules,
            key=self.key,
            has_open_columns=self._has_open_columns,
            complete=self._complete,
            stands_for=self.stands_for,
            places=self._places,
        )
        other._digest = self.digest
        return other

    def unseen(self) -> set[str]:
        """Return the columns that rules and key name and no chunk has had yet: at the end of a source, a mistake."""
        return rule_columns(self.rules, self.key) - set(self._seen)

    def idle(self) -> list[str]:
        """Return sentences about columns seen so far that fill no field: a misspelt one would lose its cells unsaid."""
        if self.stands_for is not None:
            return []  # the columns of names are of our own making
        taken = {*self.columns.values(), *rule_columns(self.rules, self.key)}
        idle = [name for name in self._seen if name not in taken]
        free = [name for name in fields_of(self.struct) if name not in self.columns]
        meant = {name: hint for name in idle if (hint := did_you_mean(name, free))}
        others = [name for name in idle if name not in meant]
        said = [f"{self.source}: the column '{name}' goes nowhere; {hint}" for name, hint in meant.items()]
        return [*said, *([f"{self.source}: nothing takes {listed(others)}"] if others else [])]

    def rows(self, chunk: Chunk) -> list[Row]:
        """Return the rows of `chunk` with their keys, broken ones included.

        The first chunk with a whole row compiles the mapping: raises `SourceError` for columns that are not there,
        `UsageError` for rules that the resource cannot take.
        """
        if self._mapping is None and self._has_open_columns and len(chunk.broken) == len(chunk.rows):
            return self._nameless(chunk)
        return self._mapping_for(chunk).identify(chunk)

    def wanted(self, chunk: Chunk, rows: Sequence[Row]) -> dict[str, set[str]]:
        """Return by field the names and keys by which `rows` of `chunk` refer to other records."""
        whole, _ = _parted(chunk, rows)
        return self._mapping_for(chunk).wanted(whole) if whole and self.references else {}

    def texts(self, chunk: Chunk, rows: Sequence[Row], field: str) -> list[Sequence[str]]:
        """Return, for each of `rows`, all of them whole, the names and keys by which `field` refers to others."""
        return self._mapping_for(chunk).texts([row.cells for row in rows], field)

    def names(self, chunks: Iterable[Chunk], field: str, most: int) -> set[str] | None:
        """Return the different texts by which `field` refers to others in all chunks; None beyond `most` of them."""
        found: set[str] = set()
        for chunk in chunks:
            for _, texts in self.referring(chunk, field):
                found.update(map(str.strip, texts))
            if len(found) > most:
                return None
        return found

    def referring(self, chunk: Chunk, field: str) -> Iterator[tuple[int, Sequence[str]]]:
        """Yield, for each whole row of `chunk`, its place there and the texts by which `field` refers to others."""
        whole = [place for place in range(len(chunk.rows)) if place not in chunk.broken]
        if whole:
            texts = self._mapping_for(chunk).texts([chunk.rows[place] for place in whole], field)
            yield from zip(whole, texts, strict=True)

    def place(self, row: Row) -> tuple[str, int]:
        """Return where a row is: the source as it is called, and the 1-based line."""
        return (self.source or "", row.line) if self._places is None else self._places(row)

    def sift(self, chunk: Chunk, rows: Sequence[Row], resolvers: Resolvers | None = None) -> Sifted:
        """Return the records that `rows`, all of `chunk` or some of them, are; and the invalid ones with every fault.

        `resolvers` has one for each of `references`. Without any, every reference is taken to be right: that is for
        checking offline, and such records must not be sent.
        """
        whole, broken = _parted(chunk, rows)
        if not whole:
            return Sifted([], broken)
        mapping = self._mapping_for(chunk)
        mapped = mapping.apply(whole)
        mapping.resolve(mapped, self._offline() if resolvers is None else resolvers)
        for place, row in enumerate(whole if self.key else ()):
            if mapping.is_keyless(row):
                mapped.faults.setdefault(place, []).append(self._keyless())
        sifted = self._completed(self._validator.sift(whole, mapped, mapping))
        if not broken:
            return sifted
        return Sifted(sifted.records, sorted([*sifted.invalid, *broken], key=lambda settled: settled.row.offset))

    def _completed(self, sifted: Sifted) -> Sifted:
        """Return what `complete` makes of records; those that it refuses are invalid."""
        if self._complete is None:
            return sifted
        records, invalid = [], [*sifted.invalid]
        for record in sifted.records:
            found = self._complete(record.value)
            if isinstance(found, Fault):
                fault = replace(found, column=self.columns.get(found.field or ""))
                invalid.append(Settled(record.row, Invalid(record.row.offset, record.row.line, (fault,))))
            else:
                records.append(Record(record.row, found))
        return Sifted(records, sorted(invalid, key=lambda settled: settled.row.offset))

    def _mapping_for(self, chunk: Chunk) -> Mapping:
        """Return the mapping for the chunk's columns, compiled anew when there are more of them."""
        if self._mapping is None or chunk.columns != self._seen:
            self._mapping = Mapping.compile(
                self.resource,
                self.rules,
                chunk.columns,
                self.key,
                struct=self.struct,
                source=self.source,
                is_open=self._has_open_columns,
            )
            self._seen = chunk.columns
            self.columns.update(self._mapping.columns)
        return self._mapping

    def _nameless(self, chunk: Chunk) -> list[Row]:
        """Return rows that are all broken, from before anything is known of the columns."""
        key = row_key(("",) * len(self.key)) if self.key else RecordKey(()).of(())
        places = range(chunk.offset, chunk.offset + len(chunk.rows))
        return [Row(at, line, key, cells) for at, line, cells in zip(places, chunk.lines, chunk.rows, strict=True)]

    def _offline(self) -> Resolvers:
        any_record = AnyRecord(self.resource.ids.of(1))
        return {reference.field: any_record for reference in self.references}

    def _keyless(self) -> Fault:
        return Fault(
            code="missing",
            error="the key is blank, so the row could not be told from others",
            column=self.key[0],
            hint="every row needs its own key",
        )


def _parted(chunk: Chunk, rows: Sequence[Row]) -> tuple[Sequence[Row], list[Settled]]:
    """Return the rows that could be read, and those that could not, as invalid."""
    if not chunk.broken:
        return rows, []
    faults = {chunk.offset + place: found for place, found in chunk.broken.items()}
    whole = [row for row in rows if row.offset not in faults]
    broken = [row for row in rows if row.offset in faults]
    return whole, [Settled(row, Invalid(row.offset, row.line, faults[row.offset])) for row in broken]
