"""The forty type cases as data (``cases/NN.case``), and how a connector is held against them.

A case is a declared type, SQL literals, and what must arrive for each: an exact value, or an entry of the exceptions
ledger with its original text. A test file for a connector carries all of them in one snapshot and looks at each::

    CASES = load_cases("mydbms", folder)  # its own folder of NN.case files, or the built-in ones

    @pytest.fixture(scope="module")
    def carried(database):
        return carry_cases(database, CASES)

    @pytest.mark.parametrize("case", CASES, ids=str)
    def test_type_arrives_exactly(case, carried):
        check_case(case, carried[case])

Expected values are written as text (``shown``): it tells -0.0 from 0.0, 1.50 from 1.5 and an instant from a local time.
"""
# ruff: noqa: S101 -- these are tests

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import yaml

from portability.connectors import open_connector

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from portability.connectors.connector import TablePlan
    from portability.connectors.testing_database import SourceDatabase

__all__ = [
    "Carried",
    "Section",
    "TypeCase",
    "Unfit",
    "carry_cases",
    "check_case",
    "load_cases",
    "load_sections",
    "make_cases",
    "read_cases",
]


@dataclass(frozen=True, kw_only=True)
class Unfit:
    r"""A value that must stand in the exceptions ledger with this original text; bytes that are no text as ``\xff``."""

    ledger: str


@dataclass(frozen=True, kw_only=True)
class TypeCase:
    """One declared type.

    Args:
        number: Of the case that it belongs to, 1 to 40.
        before: Statements that prepare the type.
        declared: SQL type of the column.
        arrow: The Arrow type that must arrive, as pyarrow prints it.
        values: SQL literals with what must arrive for each.
    """

    name: str
    declared: str
    arrow: str
    values: dict[str, str | Unfit | None]
    before: tuple[str, ...] = ()
    number: int = 0

    def __str__(self) -> str:
        return f"{self.number:02d} {self.name}"

    def __hash__(self) -> int:
        return hash((self.number, self.name))


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one DBMS has of a case: values, tests that show it in another way, or the reason why there is neither."""

    cases: tuple[TypeCase, ...] = ()
    tests: tuple[str, ...] = ()
    not_applicable: str = ""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What arrived of a case."""

    plan: TablePlan = field(repr=False)
    rows: pa.Table = field(repr=False)
    ledger: Mapping[str, str]

    @property
    def shown(self) -> Sequence[str | None]:
        """Each value as exact text."""
        return [_shown(value) for value in self.rows.column("v").to_pylist()]


def load_sections(dbms: str, folder: Traversable | None = None) -> dict[int, tuple[str, Section]]:
    """Return each case's title and what the DBMS has of it, by number.

    Raises:
        ValueError: A file is not what it should be.
    """
    folder = folder or resources.files("portability.connectors").joinpath("cases")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".case"):
            continue
        number, document = int(file.name.removesuffix(".case")), yaml.safe_load(file.read_text(encoding="utf-8"))
        try:
            section = msgspec.convert(document[dbms], Section)
        except (KeyError, msgspec.ValidationError) as error:
            message = f"{file.name}: {dbms}: {error}"
            raise ValueError(message) from error
        cases = tuple(replace(each, number=number) for each in section.cases)
        found[number] = (document["title"], replace(section, cases=cases))
    return found


def load_cases(dbms: str, folder: Traversable | None = None) -> list[TypeCase]:
    """Return all that can be put into a table of the DBMS, in the order of the numbers."""
    return [case for _, section in load_sections(dbms, folder).values() for case in section.cases]


def carry_cases(database: SourceDatabase, cases: Sequence[TypeCase]) -> dict[TypeCase, Carried]:
    """Make a table for each case and read them all in one snapshot, so that a case costs milliseconds."""
    make_cases(database, cases)
    return read_cases(database, cases)


def make_cases(database: SourceDatabase, cases: Sequence[TypeCase]) -> None:
    """Make a table for each case."""
    for place, case in enumerate(cases):
        rows = ", ".join(f"({n}, {literal})" for n, literal in enumerate(case.values))
        table = f"CREATE TABLE t{place} (id int PRIMARY KEY, v {case.declared})"
        database.execute(*case.before, table, *([f"INSERT INTO t{place} (id, v) VALUES {rows}"] if rows else []))


def read_cases(database: SourceDatabase, cases: Sequence[TypeCase]) -> dict[TypeCase, Carried]:
    """Read the table of each case, all in one snapshot."""
    carried = {}
    with open_connector(database.url).snapshot() as snapshot:
        tables = {table.name: table for table in snapshot.discover().tables}
        for place, case in enumerate(cases):
            plan = snapshot.plan(tables[f"t{place}"])
            rows_read = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
            ledger = {str(e.key[0]): e.raw.decode("utf-8", "backslashreplace") for e in snapshot.exceptions(plan)}
            carried[case] = Carried(plan=plan, rows=rows_read, ledger=ledger)
    return carried


def check_case(case: TypeCase, carried: Carried) -> None:
    """Compare what arrived with what must arrive."""
    expected = list(case.values.values())
    assert str(carried.plan.schema.field("v").type) == case.arrow
    assert carried.shown == [None if isinstance(value, Unfit) else value for value in expected]
    assert carried.ledger == {str(n): value.ledger for n, value in enumerate(expected) if isinstance(value, Unfit)}


def _shown(value: Any) -> str | None:  # noqa: ANN401 -- whatever a column holds
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.timedelta):
        return str(value // dt.timedelta(microseconds=1))
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
