"""The resources of Bezala, one noun a file, in the order in which a migration creates them."""

from typing import Final

from headrace.provider import Resource
from headrace.providers.bezala.resources.cost_centers import COST_CENTERS
from headrace.providers.bezala.resources.tasks import TASKS
from headrace.providers.bezala.resources.time_entries import TIME_ENTRIES

RESOURCES: Final[tuple[Resource, ...]] = (COST_CENTERS, TASKS, TIME_ENTRIES)
