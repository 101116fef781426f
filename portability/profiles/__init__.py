"""Profiles: what is known about one legal system, as data: ``profile.yaml`` with ``map/`` and ``load/`` beside it.

A profile is a folder, either in this package (by name) or anywhere (by path). Loading checks its shape; whether it fits
a source is the mapping's question.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from importlib import resources
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without its C library: ten times slower, the same result
    from yaml import SafeLoader  # type: ignore[assignment]

from portability.errors import MappingError
from portability.profiles.loading import LoadSection, parse_load
from portability.profiles.scope_section import ScopeSection, parse_scope_section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from portability.manifest import SourceSchema, Table

__all__ = [
    "ControlTotal",
    "DocumentSource",
    "LoadSection",
    "Profile",
    "ScopeSection",
    "bare_profile",
    "detect_profile",
    "list_profiles",
    "load_profile",
]

_DEPTH_MAX = 64  # of a profile's YAML; ours go to five


@dataclass(frozen=True, kw_only=True)
class DocumentSource:
    """Where documents come from: a path column, a URL column or a column that holds the bytes (``lob``).

    ``path_sql`` is for systems that compute the path: a DuckDB expression over the row's columns.
    """

    name: str
    table: str
    path: str | None = None
    path_sql: str | None = None
    url: str | None = None
    lob: str | None = None
    strip_prefix: str = ""
    size: str | None = None
    md5: str | None = None
    file_name: str | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.path, self.path_sql, self.url, self.lob)) != 1:
            message = "needs exactly one of path, path_sql, url and lob"
            raise ValueError(message)

    @property
    def column(self) -> str:
        """The column that names or holds the document; empty when an expression names it."""
        return self.path or self.url or self.lob or ""

    @property
    def on_disk(self) -> bool:
        """Whether the documents lie below the documents folder."""
        return self.path is not None or self.path_sql is not None


@dataclass(frozen=True, kw_only=True)
class ControlTotal:
    """A total that must be the same over the source layer and over the canonical layer; both are SQL for DuckDB."""

    name: str
    unit: str
    source: str
    package: str
    currency: str | None = None


@dataclass(frozen=True, kw_only=True)
class _ProfileFile:
    profile: str
    title: str
    version: str = "1"
    time_zone: str = "Europe/London"
    currency: str = "GBP"
    detect: tuple[str, ...] = ()
    documents: tuple[DocumentSource, ...] = ()
    exclude: dict[str, str] = field(default_factory=dict)
    carry: dict[str, str] = field(default_factory=dict)
    not_credentials: dict[str, str] = field(default_factory=dict)
    control_totals: tuple[ControlTotal, ...] = ()
    load: Any = None
    scope: Any = None


@dataclass(frozen=True, kw_only=True)
class Profile(_ProfileFile):
    """A loaded profile.

    ``maps`` is entity name to SQL; ``files`` is every file that an export needs, for the archive. ``loads`` is target
    table to SQL; ``load_files`` is what only an import needs.
    """

    maps: dict[str, str]
    files: dict[str, bytes]
    load: LoadSection | None = None
    scope: ScopeSection | None = None
    loads: dict[str, str] = field(default_factory=dict)
    load_files: dict[str, bytes] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Hash of all files with their names, in name order."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def reason(self, rules: Mapping[str, str], table: Table, column: str | None = None) -> str | None:
        """Look a table, or one of its columns, up in ``exclude``, ``carry`` or ``not_credentials``.

        Names match whatever the case of their letters.
        """
        names = [table.name, table.label] if column is None else [f"{table.name}.{column}", f"{table.label}.{column}"]
        wanted = {name.casefold() for name in names}
        return next((why for name, why in rules.items() if name.casefold() in wanted), None)


def list_profiles() -> list[str]:
    """Return the names of the profiles in the package."""
    return sorted(
        item.name for item in _packaged().iterdir() if item.is_dir() and item.joinpath("profile.yaml").is_file()
    )


def load_profile(name: str) -> Profile:
    """Load a profile by name or by the path of its folder.

    Raises:
        MappingError: There is none, or a file of it is not what it should be; the place names the file and the field.
    """
    folder: Traversable = Path(name)
    if not folder.joinpath("profile.yaml").is_file():
        folder = _packaged().joinpath(name)
        if "/" in name or name not in list_profiles():
            hint = f"Known profiles: {', '.join(list_profiles())}. Or give the path of a folder with a profile.yaml."
            raise MappingError("there is no such profile", place=name, hint=hint)
    files = {"profile.yaml": folder.joinpath("profile.yaml").read_bytes()}
    files |= _files_of(folder, "map", ".sql")
    load_files = _files_of(folder, "load", ".sql") | _files_of(folder, "codes", ".csv")
    return _parse(files, load_files, place=name)


def _files_of(folder: Traversable, part: str, ending: str) -> dict[str, bytes]:
    if not folder.joinpath(part).is_dir():
        return {}
    items = [item for item in folder.joinpath(part).iterdir() if item.name.endswith(ending)]
    return {f"{part}/{item.name}": item.read_bytes() for item in items}


def _packaged() -> Traversable:
    return resources.files("portability.profiles")


def _parse(files: dict[str, bytes], load_files: dict[str, bytes], *, place: str) -> Profile:
    try:
        document = _read_yaml(files["profile.yaml"])
        content = msgspec.convert(document, _ProfileFile, strict=True)
        _refuse_unknown(document)
        maps, loads = _sql_files(files, "map/"), _sql_files(load_files, "load/")
        load = parse_load(content.load, load_files) if content.load is not None or loads else None
        scope = parse_scope_section(content.scope) if content.scope is not None else None
    except RecursionError:
        raise MappingError("is nested too deeply", place=f"{place}/profile.yaml") from None
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, ValueError) as error:
        raise MappingError(
            str(error).replace("\n", " "), place=f"{place}/profile.yaml", hint="docs/profiles.md lists every field."
        ) from error
    values = {f.name: getattr(content, f.name) for f in fields(content)} | {"load": load, "scope": scope}
    return Profile(**values, maps=maps, loads=loads, files=files, load_files=load_files)


def _read_yaml(text: bytes) -> Any:  # noqa: ANN401 -- whatever it says
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX:  # the C library would go down until the stack ends
            raise RecursionError
    return yaml.load(text, Loader=SafeLoader)


def _sql_files(files: Mapping[str, bytes], folder: str) -> dict[str, str]:
    return {
        name[len(folder) : -len(".sql")]: content.decode("utf-8")
        for name, content in sorted(files.items())
        if name.startswith(folder)
    }


def _refuse_unknown(document: Mapping[str, object]) -> None:
    """A misspelt field would otherwise be ignored in silence."""
    shapes: tuple[tuple[object, type], ...] = (
        ([document], _ProfileFile),
        (document.get("documents") or [], DocumentSource),
        (document.get("control_totals") or [], ControlTotal),
    )
    for entries, shape in shapes:
        for entry in entries if isinstance(entries, list) else []:
            unknown = sorted(set(entry) - {f.name for f in fields(shape)})
            if unknown:
                message = f"unknown field {unknown[0]!r}"
                raise ValueError(message)


def detect_profile(schema: SourceSchema) -> str | None:
    """Return the packaged profile whose ``detect`` tables are all there; the one with most of them when several fit."""
    tables = {table.name.casefold() for table in schema.tables}
    named = ((_detected_by(profile), profile) for profile in list_profiles())
    fitting = [(len(names), profile) for names, profile in named if names and {n.casefold() for n in names} <= tables]
    return max(fitting)[1] if fitting else None


def _detected_by(profile: str) -> list[str]:
    """Return a packaged profile's ``detect``; its file is read no further than that stands, which is near its top."""
    events = yaml.parse(_packaged().joinpath(profile, "profile.yaml").read_bytes(), Loader=SafeLoader)
    found = dropwhile(lambda each: getattr(each, "value", "") != "detect", events)
    listed = takewhile(lambda each: not isinstance(each, yaml.SequenceEndEvent), found)
    return [each.value for each in listed if isinstance(each, yaml.ScalarEvent)][1:]


def bare_profile() -> Profile:
    """The profile of a source that nobody has described: everything is in the source layer, nothing is mapped."""
    text = b"profile: source_layer_only\ntitle: The source layer alone, without a canonical layer\n"
    return _parse({"profile.yaml": text}, {}, place="source_layer_only")
