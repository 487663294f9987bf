"""Checks of the table itself: that it fits together, shows itself, and survives whatever answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import orjson

from headrace.cli.fieldnotes import notes
from headrace.provider import Resource, references
from headrace.provider.form import form
from headrace.testing.conformance.bench import Subject


def the_table_is_sound(subject: Subject, _: Path) -> None:
    """Names are told apart, and what the table refers to is there."""
    provider = subject.provider
    assert re.fullmatch(r"[a-z][a-z0-9_]*", provider.name), "the name is part of variables and options"
    assert provider.base_url or provider.address, "without a base URL the table says where to find it"
    if provider.base_url:
        assert urlsplit(provider.base_url).hostname in provider.hosts
        assert urlsplit(provider.base_url).scheme == "https"
    names = [resource.name for resource in provider.resources]
    assert len(names) == len(set(names))
    classes = {route.name for route in provider.routes}
    assert {limit.routes for limit in provider.limits} - {None} == classes, "a class without a limit, or the reverse"
    for template in provider.auth.headers.values():
        assert {name for _, name, _, _ in Formatter().parse(template) if name} <= {"token", "organization"}
    for setting in provider.settings:
        msgspec.convert(setting.default, setting.type)
        assert setting.apply(provider, setting.default).limits == provider.limits, f"{setting.name} is not the default"
    for resource in provider.resources:
        for fault in _faults(subject, resource):
            raise AssertionError(f"{resource.name}: {fault}")


def _faults(subject: Subject, resource: Resource) -> Iterator[str]:
    own = {field.name for field in msgspec.structs.fields(resource.struct)}
    for name, target in references(resource.struct).items():
        if subject.provider.resource(target) is None:
            yield f"{name} refers to {target}, which is no resource"
    named = {
        "create_only": resource.create_only,
        "always": resource.always,
        "renamable": resource.renamable,
        "names": set(resource.names),
        "note": {resource.note} - {None},
        "guarantee": set(_compared(resource.guarantee)),
    }
    for what, names in named.items():
        if surplus := names - own:
            yield f"{what} names {sorted(map(str, surplus))}, which are no fields"
    held = {name for _, name, _, _ in Formatter().parse(resource.path) if name}
    if not held <= resource.create_only & own:
        yield "fields in the path are fields of a create only"
    if not resource.doc.startswith("https://"):
        yield "it does not say which page it is taken from"


def _compared(guarantee: Any) -> Iterator[str]:
    """Yield the fields that a guarantee compares, through what it falls back to."""
    yield from getattr(guarantee, "fields", ())
    if field := getattr(guarantee, "field", None):
        yield field
    for name in ("then", "otherwise", "key"):
        if (inner := getattr(guarantee, name, None)) is not None:
            yield from _compared(inner)


def every_form_has_a_schema(subject: Subject, _: Path) -> None:
    """Every operation of every resource has a JSON Schema, and every field says what it means."""
    for resource in subject.provider.resources:
        for operation in resource.operations:
            assert orjson.dumps(msgspec.json.schema(form(resource, operation)))
        undescribed = [note.name for note in notes(resource) if not note.description]
        assert not undescribed, f"{resource.name}: {undescribed} say nothing"


_JUNK: Final = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"7",
    b'"x"',
    b"\xff\xfe",
    b"<html>login</html>",
    b'{"data":',
    b'{"id":null}',
)


def no_answer_breaks_the_wire(subject: Subject, folder: Path) -> None:
    """A login page, half a body, or JSON of another shape is never taken for a success, and raises nothing."""
    del folder
    wire, provider = subject.provider.wire, subject.provider
    sandbox = subject.sandbox()
    for name, row in subject.rows.items():
        resource = subject.resource(name)
        codec = wire.codec(provider, resource, "create")
        value = msgspec.convert(dict(row(sandbox, 0)), resource.struct, strict=False)
        first = wire.listing(provider, resource, filters={})
        for body in (*_JUNK, b"[" * 10_000):
            assert codec.ids(body, [value]) is None, body[:40]
            assert codec.refusals(body) is None
            assert wire.hit(body) is None
            page = wire.page(first, body)
            assert page is None or not page.items
