"""Intake: from a source to records, or to all that is wrong with a row. Pure: no network, no disk but the source."""

from headrace.intake.load import Complete, Intake
from headrace.intake.mapping import Mapping, Resolvers, Rules
from headrace.intake.references import (
    Ambiguous,
    Answer,
    Found,
    KeyTable,
    Missing,
    NameTable,
    Reference,
    Resolver,
    key_of,
)
from headrace.intake.rule import Rule
from headrace.intake.source import Items, Source, open_source
from headrace.intake.validation import Validator

__all__ = [
    "Ambiguous",
    "Answer",
    "Complete",
    "Found",
    "Intake",
    "Items",
    "KeyTable",
    "Mapping",
    "Missing",
    "NameTable",
    "Reference",
    "Resolver",
    "Resolvers",
    "Rule",
    "Rules",
    "Source",
    "Validator",
    "key_of",
    "open_source",
]
