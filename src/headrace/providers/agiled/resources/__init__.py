"""The resources of Agiled, one noun a file, in the order in which a migration creates them."""

from typing import Final

from headrace.provider import Resource
from headrace.providers.agiled.resources.projects import PROJECTS
from headrace.providers.agiled.resources.tasks import TASKS
from headrace.providers.agiled.resources.time_entries import TIME_ENTRIES

RESOURCES: Final[tuple[Resource, ...]] = (PROJECTS, TASKS, TIME_ENTRIES)
