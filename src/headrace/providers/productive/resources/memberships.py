"""Memberships: who has access to a project, a page or a deal, and what they may do there.

https://developer.productive.io/reference/resources/memberships. The page lists dashboards, task views, pulses and
surveys as well; an import makes none of these. A company has no members: people belong to one by their `company_id`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.provider import NaturalKey, Resource
from headrace.providers.productive.rules import exactly_one, given, one_of
from headrace.providers.productive.vocabulary import DOCS, DealId, PageId, PersonId, ProjectId, TeamId

WHO: Final[Mapping[int, str]] = MappingProxyType({1: "person_id", 2: "dynamic_group_id", 3: "team_id"})
"""By type, the field that says who gets access."""

LEVELS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"project_id": (5,), "deal_id": (5,), "page_id": (1, 2, 3, 4)}
)
"""By target, the levels of access that there are; from the schema of the vendor's own client (cli-toolbox)."""


class Membership(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A membership to create: of one person, team or group, in one project, page or deal."""

    type_id: Annotated[
        Literal[1, 2, 3],
        Meta(description="who: 1 a person (person_id), 2 a group (dynamic_group_id), 3 a team (team_id)"),
    ]
    access_type_id: Annotated[
        Literal[1, 2, 3, 4, 5],
        Meta(description="in a project or deal 5 member; on a page 1 full, 2 write, 3 read, 4 comment"),
    ]
    person_id: Annotated[PersonId, Meta(description="the person who gets access")] | UnsetType = UNSET
    team_id: Annotated[TeamId, Meta(description="the team that gets access")] | UnsetType = UNSET
    dynamic_group_id: (
        Annotated[
            Literal[2, 6, 8, 9, 10],
            Meta(
                description="2 employees, 6 members of the project, 8 its manager, 9 owner of the deal, "
                "10 who may manage the project"
            ),
        ]
        | UnsetType
    ) = UNSET
    project_id: ProjectId | UnsetType = UNSET
    page_id: PageId | UnsetType = UNSET
    deal_id: DealId | UnsetType = UNSET

    def __post_init__(self) -> None:
        exactly_one(self, *WHO.values())
        one_of(self, WHO[self.type_id], because=f"where type_id is {self.type_id}")
        exactly_one(self, *LEVELS)
        (target,) = given(self, *LEVELS)
        levels = LEVELS[target]
        if self.access_type_id not in levels:
            raise ValueError(f"access_type_id: with {target} one of {', '.join(map(str, levels))}")


MEMBERSHIPS: Final = Resource(
    name="memberships",
    struct=Membership,
    guarantee=NaturalKey(("type_id", "access_type_id", *WHO.values(), *LEVELS)),
    doc=f"{DOCS}memberships",
    # Whoever gets other people or another place gets another membership: only the level changes.
    create_only=frozenset({"type_id", *WHO.values(), *LEVELS}),
    filters=frozenset({"type_id", "access_type_id", "person_id", "team_id", "project_id", "page_id"}),
)
