"""A folder of CSV files for the conformance suite: SQLite keeps the truth, every statement writes the files anew."""

from __future__ import annotations

import math
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from portability.connectors.testing import SourceDatabase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.connectors.testing_database import Row

__all__ = ["CsvFolder"]

_WORDS = {
    "int": "integer",
    "text": "text",
    "name": "text",
    "decimal": "decimal(19,4)",
    "double": "float",
    "bytes": "hex",
}


class CsvFolder(SourceDatabase):
    """Tables in SQLite without types, written as delimited files with a schema file after every change."""

    types: ClassVar = dict.fromkeys(_WORDS, "")

    def __init__(self, directory: Path) -> None:
        self.folder = directory / "folder"
        self.folder.mkdir()
        self._truth = sqlite3.connect(directory / "truth.db", isolation_level=None)
        self._kinds: dict[str, dict[str, str]] = {}
        self._keys: dict[str, list[str]] = {}

    @property
    def url(self) -> str:
        return f"csv:///{self.folder}"

    def execute(self, *statements: str) -> None:
        for statement in statements:
            self._truth.execute(statement)
        self._write()

    def create(self, table: str, columns: Mapping[str, str], rows: Sequence[Row] = (), key: Sequence[str] = ()) -> None:
        self._kinds[table], self._keys[table] = dict(columns), list(key)
        names = ", ".join(self.quote(name) for name in columns)
        self._truth.execute(f"CREATE TABLE {self.quote(table)} ({names})")
        marks = ", ".join("?" for _ in columns)
        held = [[_held(value) for value in row] for row in rows]
        self._truth.executemany(f"INSERT INTO {self.quote(table)} VALUES ({marks})", held)
        self._write()

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Any) -> str:  # noqa: ANN401 -- rows are bound, not written into SQL
        raise NotImplementedError

    def _write(self) -> None:
        tables = {}
        for number, (table, kinds) in enumerate(self._kinds.items()):
            file = f"table{number}.csv"
            columns = [{"name": name, "type": _WORDS[kind]} for name, kind in kinds.items()]
            tables[file] = {"name": table, "columns": columns, "encoding": "utf-8", "delimiter": ","}
            if self._keys[table]:
                tables[file]["primary_key"] = self._keys[table]
            rows = self._truth.execute(f"SELECT * FROM {self.quote(table)}").fetchall()
            lines = [[_field(name) for name in kinds], *([_field(value) for value in row] for row in rows)]
            text = "".join(",".join(line) + "\r\n" for line in lines)
            (self.folder / file).write_bytes(text.encode())
        (self.folder / "schema.yaml").write_text(yaml.safe_dump({"tables": tables}, allow_unicode=True))


def _held(value: Any) -> Any:  # noqa: ANN401 -- whatever a test stores
    if isinstance(value, Decimal):
        return f"{value:f}"
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _field(value: Any) -> str:  # noqa: ANN401 -- whatever SQLite gave back
    if value is None:
        return ""
    text = value.hex() if isinstance(value, bytes) else repr(value) if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"'
