"""The whole story on the built-in practice, embedded: build it, export it, verify it, ask it a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.checks import require, verify
from portability.connectors import open_connector
from portability.errors import ArchiveExistsError, ConfigError
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.limits import DEFAULT_LIMITS
from portability.practice import Planted, generate
from portability.profiles import load_profile
from portability.querying import Answer, query_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.checks import Report

__all__ = ["Demo", "run_demo"]

QUESTION = """\
SELECT a.account_class, count(DISTINCT a.id) AS accounts, sum(e.credit - e.debit) AS credit_balance
FROM ledger_account AS a JOIN ledger_entry AS e ON e.ledger_account_id = a.id GROUP BY 1 ORDER BY 1"""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demonstration made."""

    directory: Path
    planted: Planted
    export: ExportResult
    report: Report
    question: str
    answer: Answer


def run_demo(directory: Path, *, entries: int, progress: Callable[[str], None]) -> Demo:
    """Run it in a directory that does not exist yet.

    Raises:
        ArchiveExistsError: The directory exists.
        CheckFailedError: The archive does not verify, which would be our fault.
    """
    if directory.exists():
        raise ArchiveExistsError(
            "exists already", place=str(directory), hint="Give another directory: portability demo DIR"
        )
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(f"cannot create it: {error.strerror}", place=str(directory)) from error
    database, files, archive = directory / "practice.db", directory / "files", directory / "archive"
    progress("building a practice: database and documents")
    planted = generate(f"sqlite:///{database}", files, entries=entries)
    connector = open_connector(f"sqlite:///{database}", limits=DEFAULT_LIMITS)
    request = ExportRequest(
        connector=connector,
        destination=archive,
        profile=load_profile("practice"),
        documents=str(files),
        progress=progress,
    )
    result = export_archive(request)
    report = verify(archive, level="deep", progress=progress)
    require(report)
    answer = query_archive(result.archive, QUESTION, DEFAULT_LIMITS, rows_max=100)
    return Demo(directory=directory, planted=planted, export=result, report=report, question=QUESTION, answer=answer)
