"""What is refused before anything is opened or computed: profiles, paths, formats, archives older than the last."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import msgspec

from portability.archive import DATA, DOCUMENTS_PARQUET, EXPORT_JSON
from portability.checks import require, verify
from portability.checks.bagtext import iter_manifest
from portability.errors import ConfigError, FormatError, MappingError, PortabilityError, TargetError
from portability.formats.bag import MANIFEST
from portability.importing.coverage import import_coverage
from portability.importing.documents import check_placement
from portability.manifest import FORMAT_VERSION, ExportRecord, read_json
from portability.streams import digest_file
from portability.targets.crosswalk import IMPORTS

if TYPE_CHECKING:
    from portability.archive import Archive
    from portability.importing.results import ImportRequest
    from portability.profiles.loading import LoadSection
    from portability.targets import Target

__all__ = ["engine_failure", "refuse_older", "require_section", "require_sound", "snapshot_at"]


def require_section(request: ImportRequest) -> LoadSection:
    """Refuse what can be seen to be wrong before anything is opened; return the profile's ``load:``."""
    section = request.profile.load
    if section is None or not section.tables:
        hint = "A target profile has load/<table>.sql and a section load: (docs/target_profiles.md)."
        raise MappingError("the profile says nothing of importing", place=request.profile.profile, hint=hint)
    for path in (request.dry_run, request.report):
        if path is not None and path.exists():
            raise ConfigError("exists already; nothing is overwritten", place=str(path), hint="Give another name.")
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError("its folder is not there", place=str(path), hint="Make the folder first.")
    check_placement(request.profile)
    _require_classified(request)
    return section


def _require_classified(request: ImportRequest) -> None:
    """Refuse when the archive has something that the profile neither loads nor leaves out on purpose."""
    there = set(request.archive.entity_files())
    missing = [name for name in import_coverage(request.profile).unclassified if name.partition(".")[0] in there]
    if missing:
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")  # noqa: PLR2004
        hint = "Load them in load/*.sql, or name them under load.without with the reason."
        message = f"{len(missing)} fields of the archive are neither loaded nor left out with a reason: {shown}"
        raise MappingError(message, place=request.profile.profile, hint=hint, details=missing)


def require_sound(request: ImportRequest) -> None:
    """Verify the archives, unless the request says not to.

    Raises:
        FormatError: An archive is of another version of the format.
        CheckFailedError: An archive does not verify.
    """
    for archive in (request.archive, *([request.previous] if request.previous else [])):
        _require_known_format(archive)
        if not request.unverified:
            request.progress("verifying the archive")
            require(
                verify(
                    archive.root, level="full", signer=request.signer, limits=request.limits, progress=request.progress
                )
            )


def _require_known_format(archive: Archive) -> None:
    record = read_json(archive.root / EXPORT_JSON, ExportRecord)
    ours = FORMAT_VERSION.partition(".")[0]
    if record.format_version.partition(".")[0] != ours:
        message = f"has the format version {record.format_version}; this program reads {ours}.x"
        raise FormatError(message, place=archive.root.name, hint="Import it with a newer version of the program.")


def snapshot_at(archive: Archive) -> str:
    """When the archive's source was read, as the archive says: ISO 8601."""
    return read_json(archive.root / EXPORT_JSON, ExportRecord).snapshot_at


def refuse_older(target: Target, request: ImportRequest) -> None:
    """Refuse an archive whose source was read before that of the archive imported last: it would revert rows.

    Imports by earlier versions of this program did not note the time; they are passed over.

    Raises:
        TargetError: Names both times.
    """
    if request.older or IMPORTS not in target.table_names():
        return
    imports = target.quote(IMPORTS)
    sql = (
        f"SELECT archive_id, summary FROM {imports} WHERE profile = {target.text(request.profile.profile)} AND "
        "(state = 'running' OR finished_at = "
        f"(SELECT max(finished_at) FROM {imports} WHERE profile = {target.text(request.profile.profile)}))"
    )
    ours, ours_id = snapshot_at(request.archive), request.archive.identity
    for row in target.query(sql, place=IMPORTS).to_pylist():
        last = msgspec.json.decode(row["summary"]).get("snapshot_at")
        if last and row["archive_id"] != ours_id and _moment(ours) < _moment(last):
            message = f"its source was read on {ours}: older than {last}, the time of the archive imported last"
            hint = "Import the newer archive. --older goes back on purpose: rows are then as they were at that time."
            raise TargetError(message, place=request.archive.root.name, hint=hint)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FormatError(f"snapshot_at is no time: {text[:40]}", place=EXPORT_JSON) from None
    return moment.astimezone()


def engine_failure(request: ImportRequest, error: Exception) -> PortabilityError:
    """Say what a failure of the engine comes from: a damaged archive, or want of room; never what it quotes."""
    if damaged := _damaged(request):
        hint = "Run: portability verify. An import without --unverified refuses such an archive before it begins."
        return FormatError(
            f"is damaged: it is not the file that the archive's {MANIFEST} names", place=damaged, hint=hint
        )
    if isinstance(error, MappingError):
        return error
    hint = "Run: portability verify, on the archive."
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.IOException):
        hint = "Make room for temporary files (TMPDIR), or raise limits.duckdb_memory_mib in portability.yaml."
    return PortabilityError(f"the SQL engine gave up with {type(error).__name__}", hint=hint)


def _damaged(request: ImportRequest) -> str:
    """Name the first file of the canonical layer that is not as the manifest says; empty when all are."""
    for archive in (request.archive, *([request.previous] if request.previous else [])):
        files = [*archive.entity_files().values(), *archive.entity_files("quarantine").values()]
        wanted = {file.relative_to(archive.data).as_posix() for file in [*files, archive.data / DOCUMENTS_PARQUET]}
        for path, sha256 in iter_manifest(archive.root / MANIFEST, request.limits):
            file = archive.data / path
            if path in wanted and not (file.is_file() and digest_file(file).sha256 == sha256):
                return f"{archive.root.name}/{DATA}/{path}"
    return ""
