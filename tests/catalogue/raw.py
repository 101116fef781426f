"""A catalogue's database by hand, as its owner could: with no guard that the program has over it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

__all__ = ["execute", "query"]


def execute(url: str, *statements: str) -> None:
    """Execute statements and commit them."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    with psycopg.connect(url, autocommit=True) as session:
        for statement in statements:
            session.execute(statement.encode())


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return a query's rows."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url, autocommit=True) as session:
        return session.execute(statement.encode()).fetchall()
