"""Agiled (https://agiled.app) as a table: credentials, limits and resources of its public API v1.

The vendor does not publish the base URL, which is the workspace's own, nor the names of fields, nor the method of an
update: the first must be given, the others have defaults that the import file may correct.
"""

from typing import Final, Literal

from msgspec.structs import replace

from headrace.provider import Auth, Limit, Provider, Route, Setting
from headrace.provider.plain_json import Envelope, Pages, PlainJson
from headrace.providers.agiled.resources import RESOURCES
from headrace.providers.agiled.vocabulary import DOCS


def _wire(update: str) -> PlainJson:
    # pagination-filtering: `page`, `per_page` up to 100, `{"data": [...], "meta": {...}}`, `sort_by`, `sort_direction`
    return PlainJson(Envelope(update=update, pages=Pages(order="sort_direction", include="include")))


def _updating_by(provider: Provider, method: str) -> Provider:
    return replace(provider, wire=_wire(method))


AGILED: Final = Provider(
    name="agiled",
    base_url="",
    address="the API settings page of your Agiled workspace shows it",
    base_path="/public/v1",
    hosts=frozenset(),
    auth=Auth(headers={"Authorization": "Bearer {token}"}),
    wire=_wire("PATCH"),
    # errors-rate-limits: per token and action, with Retry-After. Whether per endpoint is not said: so for all together.
    limits=(
        Limit(calls=60, per=60.0, scope="token", routes="reads"),
        Limit(calls=30, per=60.0, scope="token", routes="writes"),
    ),
    routes=(
        Route(name="reads", methods=frozenset({"GET", "HEAD"})),
        Route(name="writes", methods=frozenset({"POST", "PUT", "PATCH", "DELETE"})),
    ),
    max_page_size=100,
    resources=RESOURCES,
    doc=f"{DOCS}api",
    settings=(
        Setting(
            name="update_method",
            type=Literal["PATCH", "PUT"],
            default="PATCH",
            description="the method by which records are changed",
            apply=_updating_by,
        ),
    ),
)
