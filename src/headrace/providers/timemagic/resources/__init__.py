"""The resources of Time Magic, one noun a file, in the order in which a migration creates them."""

from typing import Final

from headrace.provider import Resource
from headrace.providers.timemagic.resources.projects import PROJECTS
from headrace.providers.timemagic.resources.tasks import TASKS
from headrace.providers.timemagic.resources.time_entries import TIME_ENTRIES

RESOURCES: Final[tuple[Resource, ...]] = (PROJECTS, TASKS, TIME_ENTRIES)
