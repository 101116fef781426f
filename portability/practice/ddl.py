"""SQL text that creates the practice's schema, for each of the three kinds of database.

Names are always quoted and verbatim, so that the upper case, the blanks and the reserved word reach every database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .schema import Column, Table
from .tables import TABLES, VIEW_NAME, VIEW_TABLE

__all__ = ["MYSQL", "POSTGRESQL", "SQLITE", "Dialect", "after_load", "create_table", "insert_rows"]


_KEYS = {table.name: table.key_columns for table in TABLES}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How one kind of database quotes names and spells the vendor's type words."""

    quote: str
    parameter: str
    types: dict[str, str]
    table_options: str = ""
    inline_comments: bool = False
    comment_statements: bool = False
    inline_references: bool = False

    def name(self, text: str) -> str:
        """Quote a name."""
        return f"{self.quote}{text}{self.quote}"

    def names(self, texts: tuple[str, ...]) -> str:
        """Quote several names for a column list."""
        return ", ".join(self.name(text) for text in texts)

    def type(self, kind: str) -> str:
        """Spell a type word with its size, such as `char(4)`."""
        word, _, size = kind.partition("(")
        return self.types.get(word, word.upper() + ("(" + size if size else ""))


SQLITE = Dialect(
    quote='"',
    parameter="?",
    inline_references=True,
    types={
        "int": "INTEGER",
        "money": "DECIMAL(15,2)",
        "utc": "DATETIME",
        "bool": "BOOLEAN",
        "float": "DOUBLE",
        "json": "TEXT",
    },
)
POSTGRESQL = Dialect(
    quote='"',
    parameter="%s",
    comment_statements=True,
    types={
        "int": "INTEGER",
        "money": "NUMERIC(15,2)",
        "datetime": "TIMESTAMP(0)",
        "utc": "TIMESTAMPTZ",
        "bool": "BOOLEAN",
        "float": "DOUBLE PRECISION",
        "blob": "BYTEA",
    },
)
MYSQL = Dialect(
    quote="`",
    parameter="%s",
    inline_comments=True,
    table_options=" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci",
    types={
        "money": "DECIMAL(15,2)",
        "utc": "TIMESTAMP NULL",
        "bool": "TINYINT(1)",
        "float": "DOUBLE",
        "text": "MEDIUMTEXT",
        "json": "LONGTEXT",
        "blob": "LONGBLOB",
    },
)


def create_table(table: Table, dialect: Dialect) -> str:
    """Return CREATE TABLE with the primary key and, where the dialect wants it, the references."""
    parts = [_column(column, table, dialect) for column in table.columns]
    if table.key_columns:
        parts.append(f"PRIMARY KEY ({dialect.names(table.key_columns)})")
    if dialect.inline_references:
        parts += [_foreign_key(table, index, dialect) for index in range(len(table.foreign_keys))]
    comment = f" COMMENT={_literal(table.comment)}" if dialect.inline_comments and table.comment else ""
    return f"CREATE TABLE {dialect.name(table.name)} ({', '.join(parts)}){dialect.table_options}{comment}"


def insert_rows(table: Table, dialect: Dialect) -> str:
    """Return the INSERT of one row of the table, with the driver's placeholders."""
    marks = ", ".join([dialect.parameter] * len(table.columns))
    return f"INSERT INTO {dialect.name(table.name)} ({dialect.names(table.names)}) VALUES ({marks})"


def after_load(tables: tuple[Table, ...], dialect: Dialect) -> list[str]:
    """Return what is quicker, or only possible, once the rows are in: indexes, references, comments and the view."""
    statements = [_index(table, column, dialect) for table in tables for column in table.indexes]
    if not dialect.inline_references:
        statements += [
            f"ALTER TABLE {dialect.name(table.name)} ADD {_foreign_key(table, index, dialect)}"
            for table in tables
            for index in range(len(table.foreign_keys))
        ]
    if dialect.comment_statements:
        statements += [statement for table in tables for statement in _comments(table, dialect)]
    view, matters = dialect.name(VIEW_NAME), dialect.name(VIEW_TABLE)
    columns = dialect.names(("MTR_ID", "FIRM_ID", "MTR_NO", "DESCR"))
    statements.append(f"CREATE VIEW {view} AS SELECT {columns} FROM {matters} WHERE {dialect.name('STATUS')} = 'OPN'")
    return statements


def _column(column: Column, table: Table, dialect: Dialect) -> str:
    kind = dialect.type(column.kind)
    if column.required:
        kind = kind.removesuffix(" NULL") + " NOT NULL"
    note = table.notes.get(column.name, "")
    comment = f" COMMENT {_literal(note)}" if dialect.inline_comments and note else ""
    return f"{dialect.name(column.name)} {kind}{comment}"


def _foreign_key(table: Table, index: int, dialect: Dialect) -> str:
    reference = table.foreign_keys[index]
    name = dialect.name(f"FK_{re.sub(r'[^A-Z_]', '_', table.name.upper())}_{index + 1}")
    target = f"{dialect.name(reference.table)} ({dialect.names(_KEYS[reference.table])})"
    return f"CONSTRAINT {name} FOREIGN KEY ({dialect.names(reference.columns)}) REFERENCES {target}"


def _index(table: Table, column: str, dialect: Dialect) -> str:
    name = dialect.name(f"IX_{table.name}_{column}")
    return f"CREATE INDEX {name} ON {dialect.name(table.name)} ({dialect.name(column)})"


def _comments(table: Table, dialect: Dialect) -> list[str]:
    owner = dialect.name(table.name)
    statements = [f"COMMENT ON TABLE {owner} IS {_literal(table.comment)}"] if table.comment else []
    notes = table.notes.items()
    return statements + [f"COMMENT ON COLUMN {owner}.{dialect.name(name)} IS {_literal(note)}" for name, note in notes]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
