"""CSV and TSV: a layout whose first row names the columns."""

import csv
from collections.abc import Iterator
from itertools import chain

from headrace.errors import SourceError
from headrace.intake.source.compression import CutError
from headrace.intake.source.dialect import EXCEL_SAYS, delimiter_of
from headrace.intake.source.encoding import known, texts
from headrace.intake.source.input import Input, refusing_foreign
from headrace.intake.source.lines import Lines
from headrace.intake.source.protocol import MAX_CELL
from headrace.intake.source.table import OpenQuoteError, Table, open_quote
from headrace.model import Chunk


class Delimited:
    """Text with one row a line, delimiters between cells, and quotes where a cell holds a delimiter or a line end.

    Without `encoding` and `delimiter` both are found out, and what cannot be told apart is an error. Rows whose cells
    are all empty are passed over.
    """

    has_open_columns = False

    def __init__(self, *, encoding: str | None = None, delimiter: str | None = None) -> None:
        self._encoding = encoding and known(encoding)
        self._delimiter = delimiter
        # csv's limit is the process's. It is only ever raised here, so that a host's own readers keep working.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))

    def chunks(self, file: Input) -> Iterator[Chunk]:
        """See `Layout`."""
        table: Table | None = None
        try:
            table = self._table(file)
            yield from table.chunks()
        except OpenQuoteError as error:
            assert table is not None  # only rows have quotes
            line = self._open_quote(file, table)
            raise SourceError(str(error), file=file.name, line=line, hint=OpenQuoteError.hint) from None
        except CutError as error:
            raise error.at(file.name, table.line if table else 1) from None

    def _table(self, file: Input) -> Table:
        """Start a pass: find out encoding and delimiter, then the header."""
        lines = self._lines(file)
        sample = lines.peek()
        said = EXCEL_SAYS.match(sample)
        if said:
            lines.skip(said.end())
        delimiter = self._delimiter or (said and said[1]) or delimiter_of(sample, file=file.name)
        return Table(lines, delimiter, file=file.name, first_line=2 if said else 1)

    def _lines(self, file: Input) -> Lines:
        scan = file.scan if file.is_replayable else None
        return Lines(texts(refusing_foreign(file.blocks()), encoding=self._encoding, scan=scan))

    def _open_quote(self, file: Input, table: Table) -> int:
        """Return the line of the quote that the row at which `table` stopped leaves open."""
        if not file.is_replayable:
            return table.line
        return open_quote(chain.from_iterable(self._lines(file)), from_line=table.line, delimiter=table.delimiter)
