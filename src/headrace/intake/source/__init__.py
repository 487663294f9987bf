"""Sources: where rows come from, one file a format. The first stage of intake."""

from headrace.intake.source.formats import FORMATS, open_source
from headrace.intake.source.items import Item, Items
from headrace.intake.source.protocol import CHUNK_ROWS, Source

__all__ = ["CHUNK_ROWS", "FORMATS", "Item", "Items", "Source", "open_source"]
