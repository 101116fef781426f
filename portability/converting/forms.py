"""The forms that an archive can be converted to: one line each, one module each."""

from __future__ import annotations

from portability.converting import csv_files, duckdb_file, files, ics, ledes, sqlite_file, vcf, xlsx
from portability.converting.contract import Form

__all__ = ["FORMS"]

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        csv_files.FORM,
        xlsx.FORM,
        sqlite_file.FORM,
        duckdb_file.FORM,
        ledes.FORM,
        ics.FORM,
        vcf.FORM,
        files.FORM,
    )
}
