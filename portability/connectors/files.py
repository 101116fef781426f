"""Folders of delimited files (CSV, TSV) as a source: each file a table, level "window".

Every file is hashed when the snapshot opens. When a table is wanted, its file is copied as UTF-8 to a private place;
the copy's hash must be that of the beginning. Two readers then read the copy side by side and are compared cell by
cell, and the texts go into a private engine. The control totals are the engine's SQL over those texts, the rows
Arrow's conversions of them: docs/adr/0024 says why. Neither can be wrong in silence.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from portability.connectors.connector import Connector, SourceException
from portability.connectors.files_csv import Format, read_header, read_rows
from portability.connectors.files_csvw import match_titles
from portability.connectors.files_declared import DeclaredColumn
from portability.connectors.files_folder import FileTable, changed, find_folder, identity_of, open_folder
from portability.connectors.files_sql import TextDialect, coded
from portability.connectors.files_text import copy_as_utf8, has_marks, original_bytes
from portability.duck import beside_another, open_engine
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError
from portability.manifest import Column, ForeignKey, Key, SnapshotRecord, SourceSchema, Table
from portability.staging import open_staging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.connectors.connector import TablePlan
    from portability.connectors.files_folder import Folder
    from portability.limits import Limits

__all__ = ["SCHEMA", "CsvConnector"]

SCHEMA = "files"
_METHOD = "each file read once, with the hash that it had when the export began"


class CsvConnector(Connector):
    """``csv:///folder?schema=FILE``, or one file of it; the schema file is beside the files when it is not named."""

    schemes = ("csv",)

    @contextmanager
    def snapshot(self) -> Iterator[CsvSnapshot]:
        """Look at every file; the files themselves are never written or locked."""
        self.url.check_options({"schema"})
        path, only = find_folder(self.url)
        folder = open_folder(path, only, schema=self.url.options.get("schema"))
        with ExitStack() as stack:
            place = stack.enter_context(open_staging(Path(tempfile.gettempdir()))).path
            engine = stack.enter_context(open_engine(beside_another(self.limits), scratch=place, folders=[place]))
            yield CsvSnapshot(folder, engine, place, self.limits)


class CsvSnapshot(TextDialect):
    """The files as they were when it opened; a file that has changed since is refused when it is read."""

    def __init__(self, folder: Folder, engine: duckdb.DuckDBPyConnection, place: Path, limits: Limits) -> None:
        self.limits = limits
        self.engine = engine
        self.conversions = {}
        self._place = place
        self._notes = folder.notes
        self._files = {each.declared.name: each for each in folder.tables}
        self._columns: dict[str, tuple[DeclaredColumn, ...]] = {}
        self._staged: dict[str, str] = {}
        self._schema: SourceSchema | None = None
        said = " ".join(folder.notes) or None
        self.record = SnapshotRecord(method=_METHOD, level="window", note=said and said[:2000])
        hashes = [(each.declared.file, each.sha256) for each in folder.tables]
        self.identity = identity_of(hashes, [each.declared for each in folder.tables])

    # -- what there is ------------------------------------------------------------------------------------------------

    def _discover(self) -> SourceSchema:
        if self._schema is None:
            tables = tuple(self._described_file(each) for each in self._files.values())
            self._schema = SourceSchema(
                dbms="csv",
                dbms_version="",
                default_schema=SCHEMA,
                tables=tables,
                snapshot=self.record,
                notes=self._notes,
            )
        return self._schema

    def _described_file(self, file: FileTable) -> Table:
        declared = file.declared
        columns = [each for each in self._columns_of(file) if not each.left_out]
        for column in columns:
            self.conversions[column.conversion.native] = column.conversion
        return Table(
            schema=SCHEMA,
            name=declared.name,
            comment=declared.comment,
            columns=tuple(_column(each, number) for number, each in enumerate(columns, start=1)),
            primary_key=Key(name=None, columns=declared.primary_key) if declared.primary_key else None,
            foreign_keys=tuple(
                ForeignKey(
                    name=None,
                    columns=each.columns,
                    target_schema=SCHEMA,
                    target_table=each.table,
                    target_columns=each.target,
                )
                for each in declared.references
            ),
            attributes={"file": declared.file, "sha256": file.sha256, **_written(file)},
        )

    def _columns_of(self, file: FileTable) -> tuple[DeclaredColumn, ...]:
        """The columns in the file's order, each as declared or as text."""
        name = file.declared.name
        if name not in self._columns:
            copy = self._copy(file, first_row=True)
            try:
                header = read_header(copy, form_of(file), self.limits, place=file.declared.file)
            finally:
                copy.unlink()
            self._columns[name], said = _without_sidecars(columns_in(file, header), file.declared.file)
            self._notes += said
        return self._columns[name]

    def file_of(self, table: Table) -> FileTable:
        """Return the file that a table is.

        Raises:
            ConnectorError: There is none.
        """
        try:
            return self._files[table.name]
        except KeyError:
            raise ConnectorError("there is no such table", place=table.label) from None

    # -- staging ------------------------------------------------------------------------------------------------------

    def relation(self, table: Table) -> str:
        return self._stage(table)

    def _stage(self, table: Table) -> str:
        """Return the engine's table of a file's texts, made when it is first asked for."""
        file = self.file_of(table)
        if table.name in self._staged:
            return self._staged[table.name]
        target = f'"{coded(table.name)}"'
        copy = self._copy(file)
        try:
            self._fill(target, file, copy)
        finally:
            copy.unlink()
        self._require_key(table, target)
        self._staged[table.name] = target
        return target

    def _fill(self, target: str, file: FileTable, copy: Path) -> None:
        columns = self._columns_of(file)
        names = [coded(each.name) for each in columns]
        declared = ", ".join(f'"{name}" VARCHAR' for name in names)
        self.engine.execute(f"CREATE OR REPLACE TABLE {target} ({declared})")
        for texts in read_rows(copy, form_of(file), names, self.limits, place=file.declared.file):
            if any(each.nulls is not None for each in columns):
                kept = [_nulled(*each) for each in zip(texts.columns, columns, strict=True)]
                texts = pa.table(kept, names=texts.column_names)  # noqa: PLW2901 -- the same rows
            self.engine.register("incoming", texts)
            self.engine.execute(f"INSERT INTO {target} SELECT * FROM incoming")
            self.engine.unregister("incoming")

    def _copy(self, file: FileTable, *, first_row: bool = False) -> Path:
        """Copy a file as UTF-8 and see that it is still the one that was looked at."""
        copy = self._place / "copy.csv"
        copy.unlink(missing_ok=True)
        form = form_of(file)
        try:
            sha256 = copy_as_utf8(
                file.path,
                copy,
                encoding=file.codec,
                backslash=form.escape == "backslash",
                quoted=bool(form.quote),
                bytes_max=self.limits.csv_block_bytes if first_row else None,
            )
        except OSError as error:
            raise ConnectorError(f"cannot be read: {error.strerror}", place=file.declared.file) from error
        if not first_row and sha256 != file.sha256:
            raise changed(file.declared.file)
        return copy

    def _require_key(self, table: Table, target: str) -> None:
        """A declared key must name its rows; a file enforces nothing."""
        if table.primary_key is None:
            return
        values = [self.value(table.column(name)) for name in table.primary_key.columns]
        missing = " OR ".join(f"{value} IS NULL" for value in values)
        ((empty,),) = self.rows(f"SELECT count(*) FROM {target} WHERE {missing}")
        grouped = f"SELECT count(*) AS n FROM {target} GROUP BY {', '.join(values)} HAVING count(*) > 1"
        ((double,),) = self.rows(f"SELECT coalesce(sum(n), 0) FROM ({grouped})")
        if empty or double:
            hint = "Correct primary_key in the schema file, or remove it."
            words = f"the declared primary key names no single row: {empty} rows lack it, {double} share it"
            raise SourceDataError(words, place=table.label, hint=hint)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        codec = self._files[plan.table.name].codec
        for each in super()._exceptions(plan):
            yield replace(each, raw=original_bytes(each.raw.decode(), codec))

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        if isinstance(error, duckdb.Error) and "memory" in str(error).lower():
            hint = "Raise limits: duckdb_memory_mib in portability.yaml."
            return SourceDataError("its rows take more memory than there may be", place=place, hint=hint)
        if isinstance(error, duckdb.Error | pa.ArrowException):
            # The libraries quote values in their messages.
            return SourceDataError(f"the texts cannot be read as declared: {type(error).__name__}", place=place)
        return ConnectorError(f"cannot be read: {error.strerror}", place=place) if isinstance(error, OSError) else None


def _nulled(texts: pa.ChunkedArray, column: DeclaredColumn) -> pa.ChunkedArray:
    """Apply a column's own nulls, which are texts in quotes too; blanks around what is no text are none of it."""
    if column.nulls is None:
        return texts
    seen = pc.utf8_trim(texts, " \t\r\n") if column.conversion.shape else texts
    return pc.if_else(pc.is_in(seen, pa.array(column.nulls, pa.string())), pa.scalar(None, pa.string()), texts)


def form_of(file: FileTable) -> Format:
    """How a file's rows are written, all of it declared or assumed by now."""
    declared = file.declared
    return Format(
        delimiter=declared.delimiter or ",",
        quote='"' if declared.quote is None else declared.quote,
        escape=declared.escape or "doubled",
        nulls=declared.nulls if declared.nulls is not None else ("",),
        header=declared.header != "none",
        comment_mark=declared.comment_mark,
    )


def columns_in(file: FileTable, header: list[str] | None) -> tuple[DeclaredColumn, ...]:
    """Match a header with what is declared of its columns.

    Raises:
        ConfigError: They do not fit each other, or the header names no columns.
    """
    declared, place = file.declared, file.declared.file
    if declared.header in ("ignored", "none"):
        return declared.columns
    if header and declared.header == "titles":
        return match_titles(declared, header)
    if not header:
        if declared.columns:
            return declared.columns
        hint = "Remove the file, or declare its columns in schema.yaml."
        raise ConfigError("the file is empty: not even its columns are known", place=place, hint=hint)
    mend = "Say `header: ignored` in schema.yaml and list the columns there in their order."
    if header[0].lower().startswith("sep="):
        hint = "Remove it, and declare the delimiter in schema.yaml."
        raise ConfigError("the first line, sep=, is for Excel alone", place=place, hint=hint)
    for number, name in enumerate(header, start=1):
        if not name or "\x00" in name or has_marks(name):
            raise ConfigError(f"a name in the header is missing or no text: column {number}", place=place, hint=mend)
        if (first := header.index(name) + 1) != number:
            words = f"a name stands twice in the header: columns {first} and {number}"
            raise ConfigError(words, place=place, hint=mend)
    known = {each.name: each for each in declared.columns}
    if absent := sorted(set(known).difference(header)):
        message = f"a declared column is not in the header: {absent[0]}"
        raise ConfigError(message, place=place, hint="Is the delimiter right? Names are compared exactly.")
    return tuple(known.get(name) or DeclaredColumn(name=name) for name in header)


def _without_sidecars(
    columns: tuple[DeclaredColumn, ...], place: str
) -> tuple[tuple[DeclaredColumn, ...], tuple[str, ...]]:
    """Rename what an archive would take for its own references to long values: ``x__file`` beside ``x``."""
    names = {each.name for each in columns if not each.left_out}
    clash = {f"{name}__file" for name in names} & names
    renamed = tuple(replace(each, name=f"{each.name}_") if each.name in clash else each for each in columns)
    return renamed, tuple(
        f"{place}: column {name} is called {name}_ here, because {name} has a meaning of its own in an archive"
        for name in sorted(clash)
    )


def _written(file: FileTable) -> dict[str, str]:
    form = form_of(file)
    return {
        "encoding": file.declared.encoding or "",
        "delimiter": form.delimiter,
        "quote": form.quote,
        "escape": form.escape,
        "declared_in": file.declared.origin,
    }


def _column(declared: DeclaredColumn, number: int) -> Column:
    return Column(
        name=declared.name,
        position=number,
        native_type=declared.conversion.native,
        nullable=not declared.required,
        comment=declared.comment,
    )
