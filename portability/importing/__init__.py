"""Import: an archive's canonical layer into another system, by a target profile.

``import_archive`` is the use case; with ``dry_run`` it only tells what it would do. docs/importing.md is the user's
page, docs/target_profiles.md the profile author's.
"""

from portability.importing.coverage import ImportCoverage, import_coverage
from portability.importing.job import import_archive
from portability.importing.results import ImportRequest, ImportResult, Problem, ProblemKind, TableResult

__all__ = [
    "ImportCoverage",
    "ImportRequest",
    "ImportResult",
    "Problem",
    "ProblemKind",
    "TableResult",
    "import_archive",
    "import_coverage",
]
