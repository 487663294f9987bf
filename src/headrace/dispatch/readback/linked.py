"""By what they are linked to: records that are listed with the record that they belong to, one question for each."""

from collections import defaultdict
from collections.abc import Sequence

from headrace.dispatch.readback.question import Question
from headrace.model import Record
from headrace.provider import Link


def questions(link: Link, records: Sequence[Record]) -> list[Question]:
    """Return the questions whose answers together hold every record that may be one of `records`."""
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        places[link.target(record.value)].append(place)
    return [
        Question(filters={}, places=its, members=(resource, identity, link.relation))
        for (resource, identity), its in places.items()
    ]
