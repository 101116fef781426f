"""A source as a draft sees it: types, sizes and keys as an export would find them, concepts for names, samples.

Samples are plain SELECTs with a small LIMIT in the snapshot's read-only session. A source that speaks no SQL gives
none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.connectors.sql import SqlSnapshot
from portability.drafting.vocabulary import singulars, split_name
from portability.duck import quote
from portability.errors import ConnectorError, PortabilityError
from portability.mapping import source_view

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from portability.connectors import Snapshot
    from portability.drafting.typed_views import PlannedSource
    from portability.drafting.vocabulary import Vocabulary
    from portability.manifest import Column, Table

__all__ = ["ROW_NUMBER", "Survey", "SurveyedColumn", "SurveyedTable", "identifier", "is_secret", "survey_source"]

# Rows looked at for one column, and different values kept of them.
SAMPLE_ROWS = 2000
SAMPLE_VALUES = 40
# Longer texts are prose: nothing is learned from their values.
SAMPLED_BYTES_MAX = 200
# Rows whose reference is looked up, to see whether a column points where its name says.
REFERENCE_ROWS = 500
COMPARED_ROWS_MAX = 20_000
KEY_CANDIDATES_MAX = 3
POINTING_WORDS = frozenset({"id", "no", "nr", "number", "code", "cd", "ref", "fk", "key", "pk"})
_PREFIX_TABLES_MIN = 4
_PREFIX_SHARE = 0.6


@dataclass(frozen=True, kw_only=True)
class SurveyedColumn:
    """A column that travels. ``kind`` is its SQL type in the source layer, ``words`` the concepts of its name."""

    name: str
    kind: str
    words: tuple[str, ...]
    non_null: int
    size_bytes: int
    column: Column
    # Some values are too long for the table and stand in files beside it.
    has_files: bool = False

    @property
    def spelled(self) -> frozenset[str]:
        """The words of its name as they are written, without those that only say that it points somewhere."""
        return frozenset(split_name(self.name)) - POINTING_WORDS

    @property
    def sql(self) -> str:
        """SQL of its value in a row ``t``; for a value that is a file, the file's place in the archive."""
        plain = f"t.{identifier(self.name)}"
        if not self.has_files or self.is_bytes:
            return plain
        sha256 = f"t.{identifier(self.name + '__file')}.sha256"
        return f"coalesce({plain}, 'documents/' || substr({sha256}, 1, 2) || '/' || {sha256})"

    @property
    def is_bytes(self) -> bool:
        """Whether it holds bytes."""
        return self.kind == "BLOB"


@dataclass(frozen=True, kw_only=True)
class SurveyedTable:
    """A table that travels. ``view`` is what a map calls it; ``key`` names a row, ``guessed_key`` if undeclared."""

    table: Table
    view: str
    words: tuple[str, ...]
    spelled: tuple[str, ...]
    rows: int
    columns: dict[str, SurveyedColumn]
    key: tuple[str, ...]
    guessed_key: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """Schema and name."""
        return self.table.schema, self.table.name

    @property
    def name(self) -> str:
        """Its name in the source."""
        return self.table.name

    @property
    def label(self) -> str:
        """Schema and name, for people."""
        return self.table.label

    @property
    def relation(self) -> str:
        """SQL of its rows for a FROM clause; rows that nothing names are numbered in the order of all their columns."""
        if self.key:
            return self.view
        order = ", ".join(identifier(name) for name, column in self.columns.items() if not column.is_bytes)
        numbered = f"row_number() OVER (ORDER BY {order or '1'}) AS {ROW_NUMBER}"
        return f"(SELECT *, {numbered} FROM {self.view})"

    @property
    def own(self) -> frozenset[str]:
        """Words that its columns repeat: INVOICE.INVOICE_NO is a number."""
        return frozenset(self.words) | frozenset(self.spelled)

    def may_be_null(self, column: str) -> bool:
        """Whether a value can be missing, by declaration or because one is."""
        surveyed = self.columns[column]
        return surveyed.column.nullable or surveyed.non_null < self.rows


class Survey:
    """All tables, and questions about their values; answers are remembered."""

    def __init__(self, snapshot: Snapshot, tables: tuple[SurveyedTable, ...]) -> None:
        self._snapshot = snapshot if isinstance(snapshot, SqlSnapshot) else None
        self.tables = tables
        self._by_place = {table.place: table for table in tables}
        self._samples: dict[tuple[tuple[str, str], str], tuple[str, ...]] = {}
        self._contained: dict[tuple[tuple[str, str], str, tuple[str, str], str], float | None] = {}

    def find(self, schema: str, name: str) -> SurveyedTable | None:
        """Return the table of that schema and name, if it travels."""
        return self._by_place.get((schema, name))

    def samples(self, table: SurveyedTable, column: SurveyedColumn) -> tuple[str, ...]:
        """Return different values of a column as text, the most frequent first; none for bytes and long texts."""
        key = (table.place, column.name)
        if key not in self._samples:
            self._samples[key] = self._sample(table, column)
        return self._samples[key]

    def _sample(self, table: SurveyedTable, column: SurveyedColumn) -> tuple[str, ...]:
        if column.is_bytes or column.non_null == 0 or column.size_bytes > column.non_null * SAMPLED_BYTES_MAX:
            return ()
        found = self._ask(
            table.table, f"SELECT {{{0}}} FROM {{table}} WHERE {{{0}}} IS NOT NULL LIMIT {SAMPLE_ROWS}", [column.name]
        )
        counted = Counter(_text(row[0]) for row in found)
        return tuple(
            value for value, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:SAMPLE_VALUES]
        )

    def contained(self, table: SurveyedTable, column: str, target: SurveyedTable, target_column: str) -> float | None:
        """Return which share of a column's values (at most ``REFERENCE_ROWS``) the target has; None without values."""
        key = (table.place, column, target.place, target_column)
        if key not in self._contained:
            self._contained[key] = self._share(table, column, target, target_column)
        return self._contained[key]

    def _share(self, table: SurveyedTable, column: str, target: SurveyedTable, target_column: str) -> float | None:
        if self._snapshot is None or table.columns[column].non_null == 0 or target.rows == 0:
            return None
        if target.rows > COMPARED_ROWS_MAX and target.key != (target_column,):
            return None  # no index would help, and each value would scan the table
        quoted, theirs = self._snapshot.quote(column), f"r.{self._snapshot.quote(target_column)}"
        value = "s.c"
        if table.columns[column].kind != target.columns[target_column].kind:
            # Not every source compares text with numbers; as text no index helps.
            if target.rows > COMPARED_ROWS_MAX:
                return None
            theirs, value = (f"CAST({side} AS CHAR({SAMPLED_BYTES_MAX}))" for side in (theirs, value))
        sql = (
            f"SELECT count(*), sum(CASE WHEN EXISTS (SELECT 1 FROM {self._snapshot.relation(target.table)} r "
            f"WHERE {theirs} = {value}) THEN 1 ELSE 0 END) FROM (SELECT {quoted} AS c "
            f"FROM {self._snapshot.relation(table.table)} WHERE {quoted} IS NOT NULL LIMIT {REFERENCE_ROWS}) s"
        )
        ((count, found),) = self._run(sql, table.table.label)
        return int(found or 0) / int(count) if count else None

    def is_unique(self, table: Table, column: str, rows: int) -> bool:
        """Whether a column has a different value in each row."""
        if self._snapshot is None or rows == 0:
            return False
        ((count,),) = self._ask(table, f"SELECT count(DISTINCT {{{0}}}) FROM {{table}}", [column])
        return int(count) == rows

    def _ask(self, table: Table, template: str, columns: list[str]) -> list[tuple[Any, ...]]:
        if self._snapshot is None:
            return []
        names = [self._snapshot.quote(name) for name in columns]
        return self._run(template.format(*names, table=self._snapshot.relation(table)), table.label)

    def _run(self, sql: str, place: str) -> list[tuple[Any, ...]]:
        if self._snapshot is None:
            return []
        try:
            return list(self._snapshot.rows(sql))
        except PortabilityError:
            raise
        except Exception as error:
            # ``rows`` is below the connector's own guard: whatever its driver raises ends here.
            raise ConnectorError("the source refused a sample", place=place) from error


def _text(value: Any) -> str:  # noqa: ANN401 -- a driver's value
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return str(value).lower() if isinstance(value, bool) else str(value)


def survey_source(
    snapshot: Snapshot, planned: PlannedSource, kinds: Mapping[tuple[str, str], dict[str, str]], vocabulary: Vocabulary
) -> Survey:
    """Describe every table that an export would carry.

    Args:
        snapshot: Where samples come from.
        planned: The tables as planned.
        kinds: By (schema, name), the SQL type of each column.
        vocabulary: Turns names into concepts.
    """
    tables = [table for table in planned.schema.tables if table.excluded is None]
    prefix = _common_prefix([table.name for table in tables], set())
    surveyor = _Surveyor(Survey(snapshot, ()), planned, prefix, vocabulary)
    return Survey(snapshot, tuple(surveyor.table(table, kinds[table.schema, table.name]) for table in tables))


class _Surveyor:
    """Describes one table after the other. ``prefix`` is the word that the tables' names begin with, if they do."""

    def __init__(self, survey: Survey, planned: PlannedSource, prefix: str, vocabulary: Vocabulary) -> None:
        self._survey = survey
        self._planned = planned
        self._prefix = prefix
        self._vocabulary = vocabulary
        self._views = source_view(planned.schema)

    def table(self, table: Table, kinds: Mapping[str, str]) -> SurveyedTable:
        """Describe a table whose columns have these SQL types."""
        bare = _without(table.name, self._prefix)
        words = self._vocabulary.concepts(bare)
        columns = self._columns(table, kinds, words)
        rows = self._planned.plans[table.schema, table.name].totals.rows
        declared = table.order or (table.primary_key.columns if table.primary_key else ())
        key = declared if set(declared) <= set(columns) else ()
        guessed = () if key else _guess_key(self._survey, table, columns, rows)
        schema, name = self._views[table.schema, table.name]
        return SurveyedTable(
            table=table,
            view=f"{identifier(schema)}.{identifier(name)}",
            words=words,
            spelled=tuple(word for spelled in split_name(bare) for word in singulars(spelled)),
            rows=rows,
            columns=columns,
            key=key or guessed,
            guessed_key=bool(guessed),
        )

    def _columns(self, table: Table, kinds: Mapping[str, str], own: tuple[str, ...]) -> dict[str, SurveyedColumn]:
        totals = {column.name: column for column in self._planned.plans[table.schema, table.name].totals.columns}
        present = [column for column in table.columns if column.carried != "excluded" and column.name in kinds]
        # The tracer takes a name with a line break in it for another one; such columns are carried.
        usable = [c for c in present if c.name.isprintable() and not is_secret(c.name, self._vocabulary)]
        prefix = _common_prefix([column.name for column in usable], {"is", "has", *own})
        return {
            column.name: SurveyedColumn(
                name=column.name,
                kind=kinds[column.name],
                words=self._vocabulary.concepts(_without(column.name, prefix)),
                non_null=totals[column.name].non_null if column.name in totals else 0,
                size_bytes=(totals[column.name].size_bytes or 0) if column.name in totals else 0,
                column=column,
                has_files=f"{column.name}__file" in kinds,
            )
            for column in usable
        }


def identifier(name: str) -> str:
    """Write a name as SQL needs it: plainly where that cannot be misread."""
    return name if name.isascii() and name.isidentifier() and name.lower() not in KEYWORDS else quote(name)


# The column that numbers the rows of a table without a key.
ROW_NUMBER = "row__"
# What the SQL engine or the tracer does not take for a name even after a dot.
KEYWORDS = frozenset(
    "alter and as between create cross distinct drop else except fetch for force from glob grant having ilike inner "
    "insert install intersect into join lateral like not notnull on only or outer positional qualify returning revoke "
    "rollback select summarize tablesample then union using values when where with".split()
)


def is_secret(name: str, vocabulary: Vocabulary) -> bool:
    """Whether a column is named after a credential in a language that the credential rules do not know."""
    return "secret" in vocabulary.concepts(name)


def _common_prefix(names: list[str], meaningful: Collection[str]) -> str:
    """The first word that most names share, as tables of one application and columns of one table often do."""
    firsts = Counter(split_name(name)[0] for name in names if len(split_name(name)) > 1)
    if not firsts or len(names) < _PREFIX_TABLES_MIN:
        return ""
    word, count = firsts.most_common(1)[0]
    return word if count >= _PREFIX_SHARE * len(names) and word not in meaningful else ""


def _without(name: str, prefix: str) -> str:
    words = split_name(name)
    return name if not prefix or words[:1] != [prefix] or len(words) == 1 else " ".join(words[1:])


def _guess_key(survey: Survey, table: Table, columns: dict[str, SurveyedColumn], rows: int) -> tuple[str, ...]:
    """A column that names each row although nothing says so."""
    candidates = [c for c in columns.values() if {"id", "number", "code"} & set(c.words) and c.non_null == rows]
    for column in _most_like_keys(candidates)[:KEY_CANDIDATES_MAX]:
        if survey.is_unique(table, column.name, rows):
            return (column.name,)
    return ()


def _most_like_keys(columns: Iterable[SurveyedColumn]) -> list[SurveyedColumn]:
    return sorted(columns, key=lambda column: ("id" not in column.words, len(column.words), column.column.position))
