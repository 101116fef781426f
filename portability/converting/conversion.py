"""The use case: verify, choose the tables, write under a temporary name, report, rename."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.archive import DATAPACKAGE_JSON, Archive, is_safe_path
from portability.checks import require, verify
from portability.converting.contract import Material, Report, TableMaterial
from portability.converting.forms import FORMS
from portability.converting.left_behind import left_behind
from portability.errors import ConfigError, FormatError, TargetError
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import read_json, to_json
from portability.signing import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.converting.contract import Form

__all__ = ["LAYERS", "Conversion", "Request", "convert"]

LAYERS = {"canonical": "tables", "source": "source", "quarantine": "quarantine"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to convert to which form, and where to.

    ``out`` is a folder that does not exist yet. ``only`` names tables, for the forms that hold tables. ``link`` makes
    hard links of documents instead of copies. ``unverified`` skips the verification, and the report says so.
    ``signer`` tells who must have signed the archive.
    """

    archive: Path
    form: str
    out: Path
    layer: str = "canonical"
    only: tuple[str, ...] = ()
    link: bool = False
    unverified: bool = False
    signer: Policy | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What a conversion did."""

    out: Path
    form: Form
    report: Report
    verified: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, as it stands in conversion.json."""
        return {
            "form": self.form.name,
            "title": self.form.title,
            "archive_verified": self.verified,
            "written": dict(sorted(self.report.counts.items())),
            "cannot_hold": list(self.form.cannot_hold),
            "remarks": self.report.rows(),
        }


def convert(request: Request) -> Conversion:
    """Convert an archive.

    Raises:
        CheckFailedError: The archive does not verify.
        ConfigError: The form, a table or an option does not fit, or its library is not installed.
        ArchiveExistsError: The destination exists.
        FormatError: A file of the archive cannot be read.
        TargetError: The destination cannot be written.
    """
    form = FORMS[request.form]
    _require_library(form)
    archive = Archive.open(request.archive)
    if not request.unverified:
        require(
            verify(
                request.archive, level="full", signer=request.signer, limits=request.limits, progress=request.progress
            )
        )
    material = Material(
        archive=archive,
        tables=_choose(request, form, archive),
        limits=request.limits,
        link=request.link,
        progress=request.progress,
    )
    report = Report()
    try:
        with new_folder(request.out) as folder:
            left_behind(material, form, request.layer, report)
            form.write(material, folder, report)
            conversion = Conversion(out=request.out, form=form, report=report, verified=not request.unverified)
            (folder / "conversion.json").write_bytes(to_json(conversion.to_dict()))
    except OSError as error:
        hint = "Is the disk full? Nothing was left behind."
        raise TargetError(f"cannot be written: {error.strerror}", place=str(request.out), hint=hint) from error
    return conversion


def _require_library(form: Form) -> None:
    if form.module and importlib.util.find_spec(form.module) is None:
        hint = "pip install 'portability[convert]'"
        raise ConfigError(f"a library for {form.name} is not installed: {form.module}", place="--to", hint=hint)


def _choose(request: Request, form: Form, archive: Archive) -> tuple[TableMaterial, ...]:
    if not form.tables and (request.only or request.layer != "canonical"):
        message = f"{form.name} has a content of its own: --only and --layer choose tables"
        raise ConfigError(message, place="--to", hint="They go with csv, xlsx, sqlite and duckdb.")
    if request.link and form.name != "files":
        raise ConfigError("only documents can be linked", place="--link", hint="It goes with --to files.")
    if not archive.entity_files() and (request.layer == "canonical"):
        hint = "It was exported without a profile. Convert the source layer: --layer source."
        raise ConfigError("the archive has no canonical layer", place=str(archive.root), hint=hint)
    return _tables(request, archive) if form.tables else ()


def _tables(request: Request, archive: Archive) -> tuple[TableMaterial, ...]:
    package = read_json(archive.data / DATAPACKAGE_JSON, dict)
    default = archive.source_schema().default_schema
    found: dict[str, TableMaterial] = {}
    taken: set[str] = set()
    try:
        for resource in package["resources"]:
            if resource["lpa:layer"] == LAYERS[request.layer]:
                if not is_safe_path(resource["path"]):
                    raise FormatError("names a file outside the archive", place=DATAPACKAGE_JSON)
                name = _distinct(_name(resource, default), taken)
                found[name] = TableMaterial(name=name, path=archive.data / resource["path"], resource=resource)
    except (KeyError, TypeError) as error:
        raise FormatError("does not describe the tables", place=DATAPACKAGE_JSON) from error
    if not found:
        raise ConfigError(f"there are no tables in the {request.layer} layer", place="--layer")
    if not request.only:
        return tuple(found.values())
    folded = {name.casefold(): table for name, table in found.items()}
    unknown = [name for name in request.only if name.casefold() not in folded]
    if unknown:
        hint = "`portability show ARCHIVE` lists the tables."
        raise ConfigError(f"no such table in the {request.layer} layer", place=f"--only {unknown[0]}", hint=hint)
    wanted = {name.casefold() for name in request.only}
    return tuple(table for name, table in folded.items() if name in wanted)


def _name(resource: dict[str, Any], default: str) -> str:
    if (table := resource.get("lpa:sourceTable")) is None:
        return str(resource["name"]).partition(".")[2]
    return str(table["name"] if table["schema"] == default else f"{table['schema']}.{table['name']}")


def _distinct(name: str, taken: set[str]) -> str:
    """Number names that differ in case only: neither sheets nor tables of SQLite and DuckDB tell them apart."""
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate.casefold())
    return candidate
