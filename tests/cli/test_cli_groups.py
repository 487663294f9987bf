"""Groups of options: what a command takes as one is given option by option."""

from inspect import Parameter, signature
from typing import Annotated, NamedTuple

import typer

from headrace.cli.app import app
from headrace.cli.choices import Access, DataFile, Pace, Talk
from headrace.cli.groups import only, ungrouped


class Colours(NamedTuple):
    """A group."""

    shade: Annotated[str, typer.Option("--shade")]
    depth: Annotated[int | None, typer.Option("--depth")] = None
    loud: Annotated[bool, typer.Option("--loud")] = True


def test_a_group_is_given_option_by_option() -> None:
    """Its fields are parameters with their own types and defaults, in their order; the command gets them as one."""
    got: list[tuple[str, Colours, bool]] = []

    def paint(wall: str, *, colours: Colours, twice: bool = False) -> int:
        got.append((wall, colours, twice))
        return 3

    seen = signature(ungrouped(paint)).parameters
    assert [*seen] == ["wall", "shade", "depth", "loud", "twice"]
    assert (seen["shade"].default, seen["depth"].default, seen["loud"].default) == (Parameter.empty, None, True)
    assert seen["depth"].annotation == Annotated[int | None, *Colours.__annotations__["depth"].__metadata__]
    assert ungrouped(paint)(wall="west", shade="red", depth=2, loud=False, twice=True) == 3
    assert got == [("west", Colours("red", 2, loud=False), True)]


def test_a_part_of_a_group_leaves_the_rest_as_it_is() -> None:
    """Fields that a command does not take are no options, and keep their defaults."""
    got: list[Colours] = []

    def paint(*, colours: Annotated[Colours, only("shade", "loud")]) -> int:
        got.append(colours)
        return 0

    assert [*signature(ungrouped(paint)).parameters] == ["shade", "loud"]
    ungrouped(paint)(shade="red", loud=False)
    assert got == [Colours("red", None, loud=False)]


def test_commands_agree_on_their_options() -> None:
    """An option that two commands have is the same in both, to its words, its name and its default."""
    known: dict[str, Parameter] = {}
    own = {"limit", "token"}  # of records in `export`, and of the sandbox's own
    for command in app.registered_commands:
        assert command.callback is not None
        for name, parameter in signature(command.callback).parameters.items():
            if name in {*DataFile._fields, *Access._fields, *Pace._fields, *Talk._fields} - own:
                assert known.setdefault(name, parameter).replace(kind=parameter.kind) == parameter
    assert {"to", "base_url", "share", "json"} <= set(known)
