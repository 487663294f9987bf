"""CSV and TSV: a source whose first row names the columns."""

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

    def __init__(self, file: Input, *, encoding: str | None = None, delimiter: str | None = None) -> None:
        self._input = file
        self._encoding = encoding and known(encoding)
        self._delimiter = delimiter
        self.name = file.name
        self.is_replayable = file.is_replayable
        self.may_block = not file.is_replayable
        # csv's limit is the process's. It is only ever raised here, so that a host's own readers keep working.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))

    def fingerprint(self) -> bytes | None:
        """See `Source`."""
        return self._input.fingerprint()

    def fraction(self) -> float | None:
        """See `Source`."""
        return self._input.fraction()

    def close(self) -> None:
        """See `Source`."""
        self._input.close()

    def chunks(self) -> Iterator[Chunk]:
        """See `Source`."""
        table: Table | None = None
        try:
            table = self._table()
            yield from table.chunks()
        except OpenQuoteError as error:
            assert table is not None  # only rows have quotes
            line = self._open_quote(table)
            raise SourceError(str(error), file=self.name, line=line, hint=OpenQuoteError.hint) from None
        except CutError as error:
            raise error.at(self.name, table.line if table else 1) from None

    def _table(self) -> Table:
        """Start a pass: find out encoding and delimiter, then the header."""
        lines = self._lines()
        sample = lines.peek()
        said = EXCEL_SAYS.match(sample)
        if said:
            lines.skip(said.end())
        delimiter = self._delimiter or (said and said[1]) or delimiter_of(sample, file=self.name)
        return Table(lines, delimiter, file=self.name, first_line=2 if said else 1)

    def _lines(self) -> Lines:
        scan = self._input.scan if self.is_replayable else None
        return Lines(texts(refusing_foreign(self._input.blocks()), encoding=self._encoding, scan=scan))

    def _open_quote(self, table: Table) -> int:
        """Return the line of the quote that the row at which `table` stopped leaves open."""
        if not self.is_replayable:
            return table.line
        return open_quote(chain.from_iterable(self._lines()), from_line=table.line, delimiter=table.delimiter)
