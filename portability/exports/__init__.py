"""Source to archive: read one consistent view, write both layers, prove them, and give the result its name last.

``export_archive`` is the whole job. Everything is written to a staging directory beside the destination; only an
archive whose every check has passed gets the destination's name. An unfinished run keeps its staging directory when
tables were finished in it, so that ``resume`` can go on.
"""

from portability.exports.job import export_archive
from portability.exports.preview import Preview, preview_source
from portability.exports.request import ExportRequest, ExportResult
from portability.exports.scope_check import ScopeCheck, check_scope
from portability.exports.signatures import Signed, sign_archive

__all__ = [
    "ExportRequest",
    "ExportResult",
    "Preview",
    "ScopeCheck",
    "Signed",
    "check_scope",
    "export_archive",
    "preview_source",
    "sign_archive",
]
