"""Productive (https://productive.io) as a table: address, credentials, limits and resources of its API v2."""

from typing import Final

from headrace.provider import Auth, Limit, Provider, Reports, Route, WorkLimit
from headrace.provider.json_api import JSON_API
from headrace.providers.productive.resources import RESOURCES

# The paths that its specification has; `group` says by what their rows are put together.
REPORTS: Final = Reports(
    path="/reports",
    names=frozenset(
        f"{name}_reports"
        for name in (
            *("automation", "booking", "budget", "company", "deal_funnel", "deal", "entitlement", "expense"),
            *("financial_item", "invoice", "line_item", "page", "payment", "payroll_item", "person", "price"),
            *("project", "proposal", "resource_request", "salary", "service", "survey", "task", "time_entry"),
            *("time", "timesheet"),
        )
    ),
    doc="https://developer.productive.io/guides/rate-limits",
)

PRODUCTIVE: Final = Provider(
    name="productive",
    base_url="https://api.productive.io/api/v2",
    # The second is the vendor's own sandbox; integration tests of several public projects name it, no page does.
    hosts=frozenset({"api.productive.io", "api-sandbox.productive.io"}),
    # https://developer.productive.io/guides/authorization
    auth=Auth(headers={"X-Auth-Token": "{token}", "X-Organization-Id": "{organization}"}),
    wire=JSON_API,
    # https://developer.productive.io/guides/rate-limits; the scopes are from its newer edition.
    limits=(
        Limit(calls=100, per=10.0, scope="token"),
        Limit(calls=4000, per=1800.0, scope="organization"),
        Limit(calls=10, per=30.0, scope="token", routes="reports"),
    ),
    routes=(Route(name="reports", prefix="/reports"),),
    reset_header="x-ratelimit-reset",
    # Of the same page's newer edition: half an hour of processing an hour, six hours a day.
    work=(WorkLimit(seconds=1800.0, per=3600.0), WorkLimit(seconds=21_600.0, per=86_400.0)),
    runtime_header="x-runtime",
    # https://developer.productive.io/guides/pagination: 30 by default
    max_page_size=200,
    account="organizations",
    resources=RESOURCES,
    reports=REPORTS,
    doc="https://developer.productive.io/guides/overview",
)
