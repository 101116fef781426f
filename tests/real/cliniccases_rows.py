"""Writes rows as ClinicCases writes them: ids in order, lenient defaults, PHP's serialised text; and counts them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pymysql.cursors import Cursor

__all__ = ["FIRST_DAY", "Documents", "Rows", "php_array", "php_object"]

FIRST_DAY = datetime(2011, 8, 22, 9, 0)  # noqa: DTZ001 - the source's times are naive


class Rows:
    """Inserts and counts rows through one cursor of a lenient session."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._next: dict[str, int] = {}
        cursor.execute("SET SESSION sql_mode='', time_zone='+00:00'")  # the application relies on a lenient server

    def add(self, table: str, **values: object) -> int:
        """Insert a row with the next id; columns left out get the server's implicit default, as in the application."""
        if table not in self._next:
            self._next[table] = self.number(f"SELECT coalesce(max(id), 0) FROM `{table}`") + 1
        identity = self._next[table]
        self._next[table] = identity + 1
        columns = ", ".join(f"`{name}`" for name in ["id", *values])
        marks = ", ".join(["%s"] * (len(values) + 1))
        self._cursor.execute(f"INSERT INTO `{table}` ({columns}) VALUES ({marks})", [identity, *values.values()])
        return identity

    def set(self, table: str, identity: int | str, **values: object) -> None:
        """Change a row that was added."""
        changes = ", ".join(f"`{name}` = %s" for name in values)
        self._cursor.execute(f"UPDATE `{table}` SET {changes} WHERE id = %s", [*values.values(), identity])

    def number(self, query: str) -> int:
        """Ask the server for one number."""
        self._cursor.execute(query)
        row = self._cursor.fetchone()
        return int(row[0] or 0) if row else 0

    def counts(self) -> dict[str, int]:
        """Count every table's rows."""
        self._cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = database()")
        tables = sorted(str(row[0]) for row in self._cursor.fetchall())
        return {table: self.number(f"SELECT count(*) FROM `{table}`") for table in tables}

    def zero_dates(self) -> int:
        """Count the values of date and time columns whose day is zero."""
        self._cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = database() AND data_type IN ('date', 'datetime', 'timestamp')"
        )
        columns = list(self._cursor.fetchall())
        return sum(self.number(f"SELECT count(*) FROM `{t}` WHERE dayofmonth(`{c}`) = 0") for t, c in columns)


class Documents:
    """Writes documents: a row and its file, a row that holds the text, or a row that holds a link."""

    def __init__(self, rows: Rows, directory: Path, rng: random.Random) -> None:
        self._rows = rows
        self._directory = directory
        self._rng = rng
        self.files = 0
        self.missing = 0

    def of_case(self, case: str, number: int, writer: str) -> None:
        """Give a case two folders, three files and now and then a link and a text."""
        common = {"case_id": case, "username": writer, "date_modified": FIRST_DAY}
        self._rows.add("cm_documents", **common, folder="Pleadings")  # a folder is a row without a name
        self._rows.add("cm_documents", **common, folder="Pleadings/Exhibits", containing_folder="Pleadings")
        for turn in range(3):
            extension = self._rng.choice(["pdf", "docx", "odt", "jpg", "txt"])
            folder = ["", "Pleadings", "Pleadings/Exhibits"][turn]
            name = f"Pièce {turn} of case {number}.{extension}"
            document = self._rows.add("cm_documents", **common, name=name, extension=extension, folder=folder)
            self.store("cm_documents", document, f"{document}.{extension}", present=(number * 3 + turn) % 11 != 0)
        if number % 2:
            link = f"https://docket.example/?case={number}&view=all"
            self._rows.add("cm_documents", **common, name="Docket", local_file_name=link, extension="url")
        if number % 3 == 0:
            text = f"<p>Mémoire {number}: <b>chambre déléguée</b></p>\n" * (1 + number % 4)
            editors = f'a:1:{{i:0;s:{len(writer)}:"{writer}";}}'
            values = {"name": "Mémoire", "extension": "ccd", "text": text, "write_permission": editors}
            document = self._rows.add("cm_documents", **common, **values)
            self._rows.set("cm_documents", document, local_file_name=f"{document}.ccd")

    def store(self, table: str, identity: int, file_name: str, *, present: bool) -> None:
        """Name a row's file and write it, unless it is to be missing; now and then it is empty."""
        self._rows.set(table, identity, local_file_name=file_name)
        if not present:
            self.missing += 1
            return
        content = b"" if identity % 17 == 0 else f"%FILE {file_name}\n{self._rng.random()}\n".encode() * 40
        (self._directory / file_name).write_bytes(content)
        self.files += 1


def php_object(members: Mapping[str, str]) -> str:
    """Serialise what PHP decoded from a JSON object."""
    return f'O:8:"stdClass":{len(members)}:{{{_php_members(members)}}}'


def php_array(members: Mapping[str, str]) -> str:
    """Serialise a PHP array with text keys."""
    return f"a:{len(members)}:{{{_php_members(members)}}}"


def _php_members(members: Mapping[str, str]) -> str:
    return "".join(f's:{len(text.encode())}:"{text}";' for member in members.items() for text in member)
