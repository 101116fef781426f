"""Rows of an OpenLawOffice database in the making, as its application writes them.

Every table but a few inherits who and when from `core`; serial ids count from 1; moments are naive UTC, a date is the
local midnight. `Rows.write()` inserts it all; the tables' order of first use must satisfy the foreign keys.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

__all__ = ["LONDON", "Row", "Rows", "naive_utc"]

LONDON = ZoneInfo("Europe/London")
_FIRST_DAY = datetime(2021, 1, 4, tzinfo=LONDON)
_OUTSIDE_CORE = {
    "ProfileData",
    "Profiles",
    "Roles",
    "Sessions",
    "Users",
    "UsersInRoles",
    "elmah_error",
    "external_session",
}
_SERIAL = {
    "billing_group",
    "billing_rate",
    "contact",
    "form",
    "form_field",
    "matter_contact",
    "matter_type",
    "responsible_user",
    "tag_category",
    "tag_filter",
    "task",
    "task_template",
}

Row = dict[str, Any]


class Rows:
    """All rows so far, the users and contacts that later ones need, and what was planted."""

    def __init__(self, rng: random.Random, directory: Path) -> None:
        self.rng = rng
        self.directory = directory
        self.tables: dict[str, list[Row]] = {}
        self.planted: Counter[str] = Counter()
        self.secrets: list[str] = []
        self.users: list[UUID] = []
        self.staff: list[int] = []
        self.clients: list[int] = []
        self.others: list[int] = []

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables.setdefault(table, [])

    def add(self, table: str, values: Row, *, disabled: bool = False) -> Row:
        """Add a row, with an id and the columns of `core` where the table has them."""
        rows = self[table]
        if table in _SERIAL:
            values = {"id": len(rows) + 1, **values}
        if table not in _OUTSIDE_CORE:
            values = {"id": self.new_id()} | values | self._core(disabled=disabled)
        rows.append(values)
        return values

    def _core(self, *, disabled: bool) -> Row:
        user, created = self.rng.choice(self.users), self.moment()
        modified = created + timedelta(minutes=self.rng.randint(0, 90_000), microseconds=self.rng.randint(0, 999_999))
        return {
            "created_by_user_pid": user,
            "modified_by_user_pid": self.rng.choice(self.users),
            "disabled_by_user_pid": user if disabled else None,
            "utc_created": created,
            "utc_modified": modified,
            "utc_disabled": modified if disabled else None,
        }

    def new_id(self) -> UUID:
        return UUID(int=self.rng.getrandbits(128), version=4)

    def new_secret(self, kind: str) -> str:
        """A recognisable text that no export may hold."""
        self.secrets.append(f"{kind}-{self.rng.getrandbits(96):024x}")
        return self.secrets[-1]

    def moment(self) -> datetime:
        """A moment in working hours."""
        return self.midnight() + timedelta(hours=8, minutes=self.rng.randrange(600), seconds=self.rng.randrange(60))

    def midnight(self) -> datetime:
        """A date: local midnight, thus 23:00 of the day before in summer."""
        return naive_utc(_FIRST_DAY + timedelta(days=self.rng.randrange(1400)))

    def money(self, low: int, high: int) -> Decimal:
        """An amount between two numbers of pence."""
        return Decimal(self.rng.randint(low, high)) / 100

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def file(self, path: str, content: bytes, *, missing: bool = False) -> None:
        """Put a file where the application would keep it, unless it is to be missing."""
        self.planted["files_missing" if missing else "files_present"] += 1
        if not missing:
            target = self.directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def retire(self, version: Row) -> None:
        """Move a version's file to where the application keeps it once there is a newer one."""
        name = f"{version['id']}.{version['extension']}"
        (self.directory / "Current" / name).rename(self.directory / "Previous" / name)

    def write(self, connection: psycopg.Connection) -> None:
        """Insert everything in one transaction and move the sequences on."""
        for table, rows in self.tables.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            with connection.cursor() as cursor, cursor.copy(statement) as stream:
                for row in rows:
                    stream.write_row([row.get(column) for column in columns])
        for table in sorted(_SERIAL):
            connection.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", (table, len(self[table])))


def naive_utc(local: datetime) -> datetime:
    """Return a local time as the application stores it."""
    return local.astimezone(UTC).replace(tzinfo=None)
