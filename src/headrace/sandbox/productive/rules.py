"""Rules and completions of Productive: what joins several fields or records, shared by its tables."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from headrace.sandbox.jsonapi.checks import DATE, is_number
from headrace.sandbox.jsonapi.kind import Completion, Draft, Rule
from headrace.sandbox.jsonapi.problems import BLANK, INVALID
from headrace.sandbox.store import Record, Store

Finding = Iterable[tuple[str, str]]


# --- custom fields: guides/working-with-custom-fields -----------------------------------------------------------


def custom_values(*types: str) -> Rule:
    """Return the rule that a record's `custom_fields` belong to one of the customizable `types` and fit their types."""

    def rule(draft: Draft, store: Store) -> Finding:
        values = draft.attributes.get("custom_fields") or {}
        if not all(_fits(number, value, types, store) for number, value in values.items()):
            yield "custom_fields", INVALID

    return rule


def _fits(number: str, value: Any, types: tuple[str, ...], store: Store) -> bool:
    field = store.get("custom_fields", _number(number))
    if field is None or field.attributes.get("customizable_type") not in types:
        return False
    return value is None or _VALUES[field.attributes.get("data_type_id", 1)](value, field, store)


def _is_option(value: Any, field: Record, store: Store) -> bool:
    option = store.get("custom_field_options", _number(value))
    return option is not None and option.links.get("custom_field") == field.id


def _are_options(value: Any, field: Record, store: Store) -> bool:
    return isinstance(value, list) and all(_is_option(each, field, store) for each in value)


def _is_person(value: Any, _: Record, store: Store) -> bool:
    return store.get("people", _number(value)) is not None


def _number(value: Any) -> int:
    """Return an id given as a number or as its digits, 0 for anything else."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


_VALUES: Final[Mapping[int, Callable[[Any, Record, Store], bool]]] = {
    1: lambda value, _, __: isinstance(value, str),
    2: lambda value, _, __: is_number(value),
    3: _is_option,
    4: lambda value, _, __: DATE.fault(value) is None,
    5: _are_options,
    6: _is_person,
    7: lambda _, __, ___: True,
}


# --- conditions -------------------------------------------------------------------------------------------------


def company_of_deal(draft: Draft, store: Store) -> Finding:
    """Client deals (type 2) are for other companies, internal ones (1) for the own (guides/faq, Deals)."""
    company = store.get("companies", draft.link("company") or 0)
    if draft.value("deal_type_id") == 2 and company is None:
        yield "company", BLANK
    if company is not None and draft.value("deal_type_id") in {1, 2}:
        is_internal = bool(company.attributes.get("internal"))
        if is_internal != (draft.value("deal_type_id") == 1):
            yield "company", "can not be internal company"


def booking_amount(draft: Draft, _: Store) -> Finding:
    """Each booking method needs its own amount: 1 time a day, 2 a percentage, 3 a total."""
    needed = _AMOUNTS.get(draft.value("booking_method_id"), ())
    if needed and all(draft.value(name) is None for name in needed):
        yield needed[0], BLANK


_AMOUNTS: Final[Mapping[Any, tuple[str, ...]]] = {1: ("time",), 2: ("percentage",), 3: ("total_time", "time")}


def in_order(first: str, last: str) -> Rule:
    """Return the rule that one date is not after another."""

    def rule(draft: Draft, _: Store) -> Finding:
        start, end = draft.value(first), draft.value(last)
        if start is not None and end is not None and end < start:
            yield last, f"must be after or equal to {first}"

    return rule


# --- completions ------------------------------------------------------------------------------------------------


def numbered(kind: str, *names: str) -> Completion:
    """Return the completion that counts the records of a type through, as text."""

    def complete(draft: Draft, store: Store) -> None:
        number = str(store.following(kind))
        draft.attributes.update(dict.fromkeys(names, number))

    return complete


def default(name: str, value: Any) -> Completion:
    """Return the completion that gives an attribute a value where the client gave none."""

    def complete(draft: Draft, _: Store) -> None:
        if draft.attributes.get(name) is None:
            draft.attributes[name] = value

    return complete


def same_as(name: str, other: str) -> Completion:
    """Return the completion that copies an attribute to another that was not given."""

    def complete(draft: Draft, _: Store) -> None:
        if draft.attributes.get(name) is None:
            draft.attributes[name] = draft.attributes.get(other)

    return complete


def first_status(draft: Draft, store: Store) -> None:
    """Give a task the first status of its project's workflow, where it was given none."""
    project = store.get("projects", draft.link("project") or 0)
    if draft.link("workflow_status") is None and project is not None:
        own = statuses_of(project.links.get("workflow"), store)
        draft.links["workflow_status"] = own[0].id if own else None


def internal_company(draft: Draft, store: Store) -> None:
    """Give an internal deal the own company."""
    if draft.value("deal_type_id") == 1:
        own = (each for each in store.table("companies").values() if each.attributes.get("internal"))
        draft.links["company"] = next((each.id for each in own), None)


def statuses_of(workflow: Any, store: Store) -> list[Record]:
    """Return the statuses of a workflow, in their order."""
    own = [each for each in store.table("workflow_statuses").values() if each.links.get("workflow") == workflow]
    return sorted(own, key=lambda each: each.attributes.get("position") or 0)
