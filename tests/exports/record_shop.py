"""A record shop of known content, the same in every DBMS: eleven tables after the manner of the Chinook sample.

``TABLES`` declares each column once; ``truth`` makes the rows from a seed; ``fill`` puts them into an empty database by
plain SQL through the DBMS's own driver, so that nothing of ours stands between the truth and the source.
"""

from __future__ import annotations

import datetime as dt
import importlib
import random
import sqlite3
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

__all__ = ["TABLES", "Row", "fill", "truth"]

Row = tuple[Any, ...]

# name -> columns in order; the first is the key, or the first two where the name of the table has "_".
TABLES: dict[str, dict[str, str]] = {
    "artist": {"id": "int", "name": "text"},
    "genre": {"id": "small", "name": "text"},
    "medium": {"id": "small", "name": "text", "weight_kg": "double"},
    "album": {"id": "int", "artist_id": "int", "title": "text", "released": "date", "cover": "bytes"},
    "track": {
        "id": "big",
        "album_id": "int",
        "medium_id": "small",
        "genre_id": "small",
        "title": "text",
        "milliseconds": "int",
        "octets": "big",
        "price": "money",
    },
    "employee": {"id": "int", "reports_to": "int", "name": "text", "born": "date", "hired_at": "moment"},
    "customer": {"id": "int", "name": "text", "email": "text", "support_id": "int", "credit": "money"},
    "invoice": {"id": "big", "customer_id": "int", "issued_at": "moment", "city": "text", "total": "money"},
    "invoice_line": {"invoice_id": "big", "number": "int", "track_id": "big", "price": "money", "quantity": "int"},
    "playlist": {"id": "int", "name": "text"},
    "playlist_track": {"playlist_id": "int", "track_id": "big"},
}
_DDL = {
    "postgresql": {
        "small": "smallint",
        "int": "integer",
        "big": "bigint",
        "text": "varchar(200)",
        "money": "numeric(12,2)",
        "double": "double precision",
        "date": "date",
        "moment": "timestamp(6)",
        "bytes": "bytea",
    },
    "mysql": {
        "small": "smallint",
        "int": "int",
        "big": "bigint",
        "text": "varchar(200) CHARACTER SET utf8mb4",
        "money": "decimal(12,2)",
        "double": "double",
        "date": "date",
        "moment": "datetime(6)",
        "bytes": "longblob",
    },
    "sqlite": {
        "small": "SMALLINT",
        "int": "INTEGER",
        "big": "BIGINT",
        "text": "VARCHAR(200)",
        "money": "DECIMAL(12,2)",
        "double": "DOUBLE",
        "date": "DATE",
        "moment": "TIMESTAMP",
        "bytes": "BLOB",
    },
}
_NAMES = (
    "Ána Björk",
    "O'Hara & Sons",
    "名無し",
    'D. "Duke" Owen',
    "Ó Briain\tTrio",
    "plain",
    "",
    "émigré\nband",
    "🎷 Five",
    " a ",
)


def truth(seed: int = 20261122) -> dict[str, list[Row]]:
    """Return every table's rows in the order of its key."""
    dice = random.Random(seed)
    artists = [(n, dice.choice((*_NAMES, None)) if n > len(_NAMES) else _NAMES[n - 1]) for n in range(1, 61)]
    albums = [
        (n, dice.randint(1, 60), f"Album {n} — {dice.choice(_NAMES)}", _day(dice), _cover(dice)) for n in range(1, 121)
    ]
    tracks = [
        (
            2**40 + n,
            dice.randint(1, 120),
            dice.randint(1, 3),
            _maybe(dice, dice.randint(1, 5)),
            f"Track {n}",
            *_size(dice),
        )
        for n in range(1, 1001)
    ]
    invoices = [(n, dice.randint(1, 80), _moment(dice), _maybe(dice, dice.choice(_NAMES))) for n in range(1, 301)]
    lines = [
        (invoice[0], number, track[0], track[-1], dice.randint(1, 3))
        for invoice in invoices
        for number, track in enumerate(dice.sample(tracks, dice.randint(1, 5)), 1)
    ]
    totals = {n: sum((line[3] * line[4] for line in lines if line[0] == n), Decimal("0.00")) for n, *_ in invoices}
    return {
        "artist": artists,
        "genre": [(n, name) for n, name in enumerate(("Jazz", "Blues", "Rock", "Fado", "R&B"), 1)],
        "medium": [(1, "CD", 0.1), (2, "LP", 1 / 3), (3, "tape", None)],
        "album": albums,
        "track": tracks,
        "employee": [(n, n // 3 or None, dice.choice(_NAMES), _day(dice), _moment(dice)) for n in range(1, 13)],
        "customer": [
            (n, dice.choice(_NAMES), f"c{n}@example.org", _maybe(dice, dice.randint(1, 12)), _money(dice, -(10**11)))
            for n in range(1, 81)
        ],
        "invoice": [(*invoice, totals[invoice[0]]) for invoice in invoices],
        "invoice_line": lines,
        "playlist": [(n, f"List {n}") for n in range(1, 9)],
        "playlist_track": sorted({(dice.randint(1, 8), dice.choice(tracks)[0]) for _ in range(400)}),
    }


def _maybe(dice: random.Random, value: Any) -> Any:  # noqa: ANN401 -- any value, or none
    return value if dice.random() < 0.8 else None


def _day(dice: random.Random) -> dt.date:
    return dt.date(1900, 1, 1) + dt.timedelta(days=dice.randrange(50_000))


def _moment(dice: random.Random) -> dt.datetime:
    return dt.datetime(2001, 1, 1) + dt.timedelta(microseconds=dice.randrange(10**15))  # noqa: DTZ001 -- of no zone


def _money(dice: random.Random, least: int = 1) -> Decimal:
    return Decimal(dice.randint(least, 10**11)).scaleb(-2)


def _cover(dice: random.Random) -> bytes | None:
    return dice.choice((None, b"", b"\x00", dice.randbytes(40)))


def _size(dice: random.Random) -> tuple[int, int | None, Decimal]:
    return (
        dice.randrange(10**6),
        dice.choice((None, dice.randrange(2**50))),
        Decimal(dice.choice((99, 129, 10))).scaleb(-2),
    )


def fill(url: str) -> None:
    """Create the tables of the shop in an empty database, and put the rows in."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        connection: Any = sqlite3.connect(parts.path[1:])
    elif parts.scheme == "postgresql":
        connection = importlib.import_module("psycopg").connect(url)
    else:
        driver = importlib.import_module("pymysql")
        connection = driver.connect(host=parts.hostname, port=parts.port, user=parts.username, database=parts.path[1:])
    mark = "?" if parts.scheme == "sqlite" else "%s"
    cursor = connection.cursor()
    for name, rows in truth().items():
        columns = TABLES[name]
        key = list(columns)[: 2 if "_" in name else 1]
        declared = ", ".join(f"{c} {_DDL[parts.scheme][kind]}{' NOT NULL' * (c in key)}" for c, kind in columns.items())
        cursor.execute(f"CREATE TABLE {name} ({declared}, PRIMARY KEY ({', '.join(key)}))")
        values = rows if parts.scheme != "sqlite" else [tuple(map(_for_sqlite, row)) for row in rows]
        cursor.executemany(f"INSERT INTO {name} VALUES ({', '.join([mark] * len(columns))})", values)
    connection.commit()
    connection.close()


def _for_sqlite(value: object) -> object:
    """What an application writes there: money as a decimal's text, which the column's affinity turns into a number."""
    return str(value) if isinstance(value, dt.date | Decimal) else value
