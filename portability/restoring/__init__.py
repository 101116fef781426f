"""Restore: an archive's source layer back into an empty database of any supported kind, with a written account of it.

``restore_archive`` is the one call; what became of every table, column, key and value that is not as it was stands in
the :class:`RestoreReport` it returns.
"""

from portability.restoring.job import RestoreRequest, restore_archive
from portability.restoring.report import ColumnChange, RestoreReport, write_report

__all__ = ["ColumnChange", "RestoreReport", "RestoreRequest", "restore_archive", "write_report"]
