"""Reading a profile's folder to the end, whatever is wrong in it, so that all of it can be told at once.

``load_profile`` refuses a folder at the first fault; here a faulty field counts as left out and the reading goes on.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import yaml

from portability.drafting.findings import Problem, error, note
from portability.profiles import Profile, load_profile
from portability.profiles.loading import parse_load
from portability.profiles.scope_section import parse_scope_section

__all__ = ["ReadProfile", "read_profile"]

_PLACE = "profile.yaml"
_REFERENCE = "docs/profiles.md lists every field."
# Filled from the folder's files, not from profile.yaml.
_FROM_FILES = {"maps", "files", "loads", "load_files"}
_LOADING = "docs/target_profiles.md lists every field."


@dataclass(frozen=True, kw_only=True)
class ReadProfile:
    """A profile as far as it could be read, and what could not."""

    profile: Profile
    problems: tuple[Problem, ...]


def read_profile(name: str | Path) -> ReadProfile:
    """Read a profile by the path of its folder or by its name in the package.

    Raises:
        MappingError: There is no profile of that name, and no folder with a profile.yaml.
    """
    folder = Path(name)
    if not folder.joinpath(_PLACE).is_file():
        return ReadProfile(profile=load_profile(str(name)), problems=())
    files = {_PLACE: folder.joinpath(_PLACE).read_bytes()}
    files |= {f"map/{path.name}": path.read_bytes() for path in sorted(folder.glob("map/*.sql"))}
    content, problems = _fields(files[_PLACE])
    maps, broken = _maps(files)
    load_files = {f"load/{path.name}": path.read_bytes() for path in sorted(folder.glob("load/*.sql"))}
    load_files |= {f"codes/{path.name}": path.read_bytes() for path in sorted(folder.glob("codes/*.csv"))}
    loading, faulty = _loading(content.pop("load", None), load_files)
    given = {"profile": re.sub(r"[^a-z0-9_]", "_", folder.resolve().name.lower()), "title": ""} | content
    profile = Profile(**given, **loading, maps=maps, files=files)
    return ReadProfile(profile=profile, problems=(*problems, *broken, *faulty, *_naming(profile, folder)))


def _fields(text: bytes) -> tuple[dict[str, Any], list[Problem]]:
    """Every field that can be read, and a problem for each that cannot."""
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        return {}, [error(_PLACE, f"is not YAML: {' '.join(str(failure).split())}")]
    if not isinstance(document, dict):
        return {}, [error(_PLACE, "is not a list of fields with values", _REFERENCE)]
    hints = {name: kind for name, kind in get_type_hints(Profile).items() if name not in _FROM_FILES}
    required = {f.name for f in fields(Profile) if f.default is MISSING and f.default_factory is MISSING} - _FROM_FILES
    content: dict[str, Any] = {}
    problems = [error(f"{_PLACE}: {name}", "unknown field", _REFERENCE) for name in document if name not in hints]
    problems += [error(f"{_PLACE}: {name}", "is missing", _REFERENCE) for name in sorted(required - set(document))]
    for name, kind in hints.items():
        if name in document:
            try:
                content[name] = _converted(name, document[name], kind)
            except (msgspec.ValidationError, ValueError) as failure:
                problems.append(error(f"{_PLACE}: {name}", str(failure), _REFERENCE))
    return content, problems


def _converted(name: str, value: Any, kind: Any) -> Any:  # noqa: ANN401 -- any field of a profile
    if name == "load":
        return value
    return parse_scope_section(value) if name == "scope" else msgspec.convert(value, kind, strict=True)


def _loading(section: object, files: dict[str, bytes]) -> tuple[dict[str, Any], list[Problem]]:
    """What only an import needs, and its first fault: the section ``load:`` with its files."""
    texts = {name: content for name, content in files.items() if name.startswith("load/")}
    if section is None and not texts:
        return {}, []
    try:
        loads = {Path(name).stem: content.decode("utf-8") for name, content in texts.items()}
        return {"load": parse_load(section, files), "loads": loads, "load_files": files}, []
    except ValueError as failure:
        return {}, [error(f"{_PLACE}: load", " ".join(str(failure).split()), _LOADING)]


def _maps(files: dict[str, bytes]) -> tuple[dict[str, str], list[Problem]]:
    maps, problems = {}, []
    for name, content in files.items():
        if name.startswith("map/"):
            try:
                maps[Path(name).stem] = content.decode("utf-8")
            except UnicodeDecodeError:
                problems.append(error(name, "is not UTF-8 text"))
    return maps, problems


def _naming(profile: Profile, folder: Path) -> list[Problem]:
    problems = []
    if not re.fullmatch(r"[a-z0-9_]+", profile.profile):
        problems.append(error(f"{_PLACE}: profile", "may hold small letters, digits and underscores only"))
    elif folder.resolve().name != profile.profile:
        problems.append(
            note(f"{_PLACE}: profile", "is not the folder's name", "Profiles are found by their folder's name.")
        )
    if not re.fullmatch(r"[A-Z]{3}", profile.currency):
        problems.append(error(f"{_PLACE}: currency", "is not a currency code", "Three capitals of ISO 4217, e.g. GBP."))
    names = [document.name for document in profile.documents]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [error(f"{_PLACE}: documents", f"two sources are named {name!r}") for name in twice]
    if not profile.maps and not profile.loads:
        problems.append(note("map/", "there is no map: an export would hold the source layer alone"))
    return problems
