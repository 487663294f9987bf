"""Groups of options: a command takes a NamedTuple, and the command line has an option for each of its fields.

Typer reads options from a command's signature. Without groups every command would spell out those that it shares with
others, and pack them up again.
"""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints


class Only(NamedTuple):
    """Marks a group of which a command takes these fields; the others keep their defaults."""

    fields: tuple[str, ...]


def only(*fields: str) -> Only:
    """Return the mark of a group that is taken in part; it goes into the group's `Annotated`."""
    return Only(fields)


class _Group(NamedTuple):
    kind: type[Any]
    options: dict[str, Parameter]


def ungrouped(command: Callable[..., int]) -> Callable[..., int]:
    """Return `command` as typer is to see it: with an option in place of each field of its groups."""
    groups: dict[str, _Group] = {}
    shown: dict[str, Parameter] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in signature(command).parameters.items():
        group = _group(hints[name])
        if group is None:
            shown[name] = parameter.replace(annotation=hints[name])
        else:
            groups[name] = group
            shown |= group.options

    @wraps(command)
    def given(**values: Any) -> int:
        for name, (kind, options) in groups.items():
            values[name] = kind(**{option: values.pop(option) for option in options})
        return command(**values)

    given.__dict__["__signature__"] = Signature([*shown.values()])
    given.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    return given


def _group(hint: Any) -> _Group | None:
    """Return the group that a parameter stands for; None where it is an option itself."""
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if not hasattr(kind, "_fields") or not all(isinstance(mark, Only) for mark in marks):
        return None
    fields = marks[0].fields if marks else kind._fields
    hints = get_type_hints(kind, include_extras=True)
    empty, kept = Parameter.empty, kind._field_defaults
    return _Group(
        kind,
        {
            name: Parameter(name, Parameter.KEYWORD_ONLY, default=kept.get(name, empty), annotation=hints[name])
            for name in fields
        },
    )
