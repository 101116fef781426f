"""The payload and the recipients of a job: names that belong together must agree, and paths become absolute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import (
    AccessPart,
    AccessPayload,
    AllowedSecret,
    Build,
    CredentialsSlot,
    DataPayload,
    JobRecipient,
    LockFile,
    Repository,
    SourceFolder,
    SourcePayload,
)
from portability.escrow.jobs_words import parse_length
from portability.sealing.recipients import NamedRecipient, check_threshold, parse_recipients
from portability.yaml_files import YamlDocument, YamlPath

__all__ = ["LOCAL_SQLITE", "absolute_address", "read_payload", "read_recipients"]

_BUILD_LIMIT = "1h"
LOCAL_SQLITE = "sqlite:///"
"""How the address of a SQLite file begins."""


def read_payload(document: YamlDocument, folder: Path) -> SourcePayload | DataPayload | AccessPayload:
    """Return the payload of the document's class.

    Raises:
        ConfigError: A name in it stands for nothing, or for two things.
    """
    if document.content["class"] == "source":
        return _source(document, folder)
    return _data(document, folder) if document.content["class"] == "data" else _access(document, folder)


# --- recipients ------------------------------------------------------------------------------------------------------


def read_recipients(document: YamlDocument, path: YamlPath, folder: Path, threshold: int) -> tuple[JobRecipient, ...]:
    """Return the recipients at a path of the document, by name.

    Raises:
        ConfigError: A key cannot be read or is a private one, a name or key stands twice, the threshold cannot be.
    """
    entries: Sequence[Mapping[str, Any]] = _at(document, path)
    found = [_recipient(document, (*path, number), each, folder) for number, each in enumerate(entries)]
    for number, each in enumerate(found):
        for other in found[:number]:
            if other.name == each.name or other.named.key.fingerprint == each.named.key.fingerprint:
                what = "name" if other.name == each.name else "key"
                hint = "Each recipient has a name and a key of its own."
                raise document.fault((*path, number, what), f"is the {what} of two recipients", hint=hint)
    ordered = tuple(sorted(found, key=lambda one: one.name))
    try:
        check_threshold([one.named for one in ordered], threshold)
    except ConfigError as error:
        raise document.fault((*path[:-1], "threshold"), error.message, hint=error.hint) from None
    return ordered


def _at(document: YamlDocument, path: YamlPath) -> Any:  # noqa: ANN401 -- any part of the document
    value = document.content
    for part in path:
        value = value[part]
    return value


def _recipient(document: YamlDocument, path: YamlPath, given: Mapping[str, Any], folder: Path) -> JobRecipient:
    key = given["key"]
    literal = key.startswith(("age1", "ssh-")) or "PRIVATE KEY" in key.upper() or "SECRET-KEY" in key.upper()
    try:
        named: NamedRecipient = parse_recipients([f"{given['name']}={key if literal else folder / key}"])[0]
    except ConfigError as error:
        hint = "Give age1…, ssh-ed25519 …, or a file with one of these, relative to the job file."
        raise document.fault((*path, "key"), error.message, hint=error.hint if literal else hint) from None
    return JobRecipient(named=named, party=given["party"], held_by=given.get("held_by", given["name"]))


# --- source ----------------------------------------------------------------------------------------------------------


def _source(document: YamlDocument, folder: Path) -> SourcePayload:
    given = document.content["payload"]
    for number, each in enumerate(given.get("repositories", ())):
        _no_password(document, ("payload", "repositories", number, "url"), each["url"])
        for path, url in each.get("submodules", {}).items():
            _no_password(document, ("payload", "repositories", number, "submodules", path), url)
    repositories = tuple(_repository(each, folder) for each in given.get("repositories", ()))
    folders = tuple(
        SourceFolder(name=each["name"], path=folder / each["path"], role=each.get("role", "source"))
        for each in given.get("folders", ())
    )
    names = _unique(document, {"repositories": [r.name for r in repositories], "folders": [f.name for f in folders]})
    if not names:
        hint = "Name at least one of the repositories, or one of the folders, that make the product."
        raise document.fault(("payload",), "there is nothing to deposit", hint=hint)
    return SourcePayload(
        repositories=repositories,
        folders=folders,
        lock_files=tuple(
            _lock_file(document, number, each, names, folder) for number, each in enumerate(given.get("lock_files", ()))
        ),
        build=_build(document, names, {one.name for one in repositories}),
        allowed_secrets=_allowed(given),
        absent=tuple(sorted(given.get("absent", {}).items())),
    )


def _no_password(document: YamlDocument, path: YamlPath, url: str) -> None:
    if "://" in url and "@" in url.split("/")[2] and ":" in url.split("/")[2].rpartition("@")[0]:
        hint = "Leave it to git's credential helper, or take ssh:// with a key."
        raise document.fault(path, "the address carries a password", hint=hint)


def _repository(given: Mapping[str, Any], folder: Path) -> Repository:
    overrides = given.get("submodules", {}).items()
    return Repository(
        name=given["name"],
        url=_address(given["url"], folder),
        submodules=tuple(sorted((path, _address(url, folder)) for path, url in overrides)),
        absent_lfs=tuple(sorted(given.get("absent_lfs", {}).items())),
    )


def _address(url: str, folder: Path) -> str:
    """Return an address as it is, and a path as an absolute one."""
    colon, slash = url.find(":"), url.find("/")
    is_address = "://" in url or (colon > 0 and (slash < 0 or colon < slash))
    return url if is_address else str((folder / url).resolve())


def _lock_file(
    document: YamlDocument, number: int, given: Mapping[str, Any], names: set[str], folder: Path
) -> LockFile:
    path: YamlPath = ("payload", "lock_files", number)
    _known(document, (*path, "origin"), given["origin"], names)
    if given["kind"] == "other" and "not_vendored" not in given:
        hint = "Only packages of pip and npm are fetched; say with not_vendored where a stranger gets these."
        raise document.fault(path, "its packages cannot be deposited, and no reason is given", hint=hint)
    for name in ("index", "find_links", "built_with"):
        if name in given and given["kind"] != "pip":
            raise document.fault((*path, name), "is for lock files of pip")
    links = given.get("find_links")
    return LockFile(
        name=f"{given['origin']}/{given['path']}",
        kind=given["kind"],
        origin=given["origin"],
        path=_inside(document, (*path, "path"), given["path"]),
        not_vendored=given.get("not_vendored"),
        index=given.get("index"),
        find_links=None if links is None else folder / links,
        built_with=_inside(document, (*path, "built_with"), given["built_with"]) if "built_with" in given else None,
    )


def _build(document: YamlDocument, names: set[str], repositories: set[str]) -> Build:
    path: YamlPath = ("payload", "build")
    given = document.content["payload"]["build"]
    _known(document, (*path, "origin"), given["origin"], names)
    if "ref" in given and given["origin"] not in repositories:
        raise document.fault((*path, "ref"), "is for a repository, and the build's origin is a folder")
    try:
        limit = parse_length(given.get("time_limit", _BUILD_LIMIT))
    except ValueError as error:
        raise document.fault((*path, "time_limit"), str(error)) from None
    return Build(
        name=given["name"],
        command=tuple(given["command"]),
        origin=given["origin"],
        ref=given.get("ref"),
        instructions=_inside(document, (*path, "instructions"), given["instructions"]),
        tools=tuple(given.get("tools", ())),
        produces=tuple(
            _inside(document, (*path, "produces", number), each) for number, each in enumerate(given["produces"])
        ),
        time_limit_s=limit,
        environment=tuple(sorted(given.get("environment", {}).items())),
    )


def _inside(document: YamlDocument, path: YamlPath, text: str) -> str:
    """Return a path inside an origin as it is."""
    parts = text.split("/")
    if text.startswith("/") or "\\" in text or any(part in ("", ".", "..") for part in parts):
        hint = "Write it from the top of its origin, with slashes: docs/BUILD.md."
        raise document.fault(path, "is not a path inside its origin", hint=hint)
    return text


def _known(document: YamlDocument, path: YamlPath, name: str, names: set[str]) -> None:
    if name not in names:
        hint = f"Repositories and folders of this job: {', '.join(sorted(names))}."
        raise document.fault(path, f"there is no repository or folder {name!r} here", hint=hint)


def _unique(document: YamlDocument, lists: Mapping[str, Sequence[str]]) -> set[str]:
    seen: set[str] = set()
    for field, names in lists.items():
        for number, name in enumerate(names):
            if name in seen:
                hint = "Each repository, folder and part has a name of its own."
                raise document.fault(("payload", field, number, "name"), "stands twice", hint=hint)
            seen.add(name)
    return seen


def _allowed(given: Mapping[str, Any]) -> tuple[AllowedSecret, ...]:
    return tuple(
        AllowedSecret(path=each["path"], kind=each.get("kind"), reason=each["reason"])
        for each in given.get("allowed_secrets", ())
    )


# --- data and access -------------------------------------------------------------------------------------------------


def _data(document: YamlDocument, folder: Path) -> DataPayload:
    given = dict(document.content["payload"])
    given["source"] = absolute_address(given["source"], folder)
    if "scope" in given:
        given["scope"] = folder / given["scope"]
    if "documents" in given and "://" not in given["documents"]:
        given["documents"] = str(folder / given["documents"])
    if "/" in given.get("profile", ""):  # a folder; a name otherwise
        given["profile"] = str(folder / given["profile"])
    return DataPayload(**given)


def absolute_address(address: str, folder: Path) -> str:
    """Return an address with a SQLite file's path made absolute; a path that a variable begins says itself where."""
    path = address.removeprefix(LOCAL_SQLITE)
    return (
        f"{LOCAL_SQLITE}{folder / path}" if address.startswith(LOCAL_SQLITE) and not path.startswith("${") else address
    )


def _access(document: YamlDocument, folder: Path) -> AccessPayload:
    given = document.content["payload"]
    slot = given.get("credentials")
    if (slot is None) == ("no_credentials" not in given):
        hint = "Give credentials their own slot, or say with no_credentials why there are none; not both."
        raise document.fault(("payload",), "does not say what becomes of the credentials", hint=hint)
    parts = _parts(given["parts"], folder)
    names = _unique(document, {"parts": [part.name for part in parts]})
    if given["instructions"].split("/")[0] not in names:
        hint = f"Start with the name of a part: {', '.join(sorted(names))}."
        raise document.fault(("payload", "instructions"), "is in none of the parts", hint=hint)
    return AccessPayload(
        parts=parts,
        instructions=given["instructions"],
        credentials=None if slot is None else _slot(document, slot, folder),
        no_credentials=given.get("no_credentials"),
        allowed_secrets=_allowed(given),
    )


def _slot(document: YamlDocument, given: Mapping[str, Any], folder: Path) -> CredentialsSlot:
    path: YamlPath = ("payload", "credentials")
    if given["agreement"] == document.content["agreement"]:
        hint = "Credentials are a deposit of their own, in a chain of their own."
        raise document.fault((*path, "agreement"), "is the job's own agreement", hint=hint)
    parts, threshold = _parts(given["parts"], folder), given.get("threshold", 1)
    _unique(document, {"parts": [part.name for part in parts]})
    return CredentialsSlot(
        agreement=given["agreement"],
        parts=parts,
        recipients=read_recipients(document, (*path, "recipients"), folder, threshold),
        threshold=threshold,
    )


def _parts(given: Sequence[Mapping[str, Any]], folder: Path) -> tuple[AccessPart, ...]:
    return tuple(
        AccessPart(name=each["name"], path=folder / each["path"], kind=each.get("kind", "other")) for each in given
    )
