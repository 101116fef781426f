"""Lock files: which packages they fix, at which version, with which hashes.

Read strictly: a line that fixes nothing makes a lock file none, and it is named.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from portability.errors import ConfigError

__all__ = ["KNOWN_LOCKS", "LockedPackage", "read_npm_lock", "read_pip_lock"]

KNOWN_LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    **dict.fromkeys(
        "yarn.lock pnpm-lock.yaml bun.lockb poetry.lock Pipfile.lock uv.lock pdm.lock pylock.toml Cargo.lock go.sum "
        "Gemfile.lock composer.lock gradle.lockfile packages.lock.json mix.lock pubspec.lock Podfile.lock "
        "conan.lock flake.lock".split(),
        "other",
    ),
}
"""Names of files that fix packages: one that the job does not list is missing from the deposit."""

_HASH = re.compile(r"--hash[= ](sha(?:256|384|512)):([0-9a-fA-F]+)")
_OPTION = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links|--trusted-host|--only-binary|--no-binary)\b.*")
_PINNED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[^\]]*\])?\s*===?\s*[^\s;*]+\s*(?:;|$)")


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """A package that a lock file fixes; ``wanted_here`` is whether its marker holds on this machine."""

    ecosystem: str  # pypi or npm
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...] = ()  # (sha256, hex digits)
    wanted_here: bool = True


def read_pip_lock(content: bytes, place: str) -> tuple[LockedPackage, ...]:
    """Read requirements of which each fixes one version (``name==version``), with hashes or without.

    Raises:
        ConfigError: A line does not, or includes another file; or the library for it is not installed.
    """
    requirements = _library("packaging.requirements")
    found = []
    for number, line in _logical_lines(content, place):
        where = f"{place}:{number}"
        text = _HASH.sub("", line).strip()
        if _OPTION.fullmatch(text):
            continue
        if not _PINNED.match(text):
            hint = "A lock file says name==version for every package: pip-compile and pip freeze write such files."
            raise ConfigError("does not fix one version of one package", place=where, hint=hint)
        try:
            requirement: Any = requirements.Requirement(text)
        except ValueError:
            raise ConfigError("is not a requirement", place=where) from None
        hashes = tuple(sorted((kind, value.lower()) for kind, value in _HASH.findall(line)))
        version = next(iter(requirement.specifier)).version
        wanted = requirement.marker is None or requirement.marker.evaluate()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        found.append(LockedPackage(ecosystem="pypi", name=name, version=version, hashes=hashes, wanted_here=wanted))
    return tuple(sorted(found, key=lambda each: (each.name, each.version)))


def _library(name: str) -> Any:  # noqa: ANN401 -- a module
    try:
        return importlib.import_module(name)
    except ImportError:
        hint = "pip install 'portability[service]'"
        raise ConfigError(f"the library {name.split('.')[0]} is not installed", hint=hint) from None


def _logical_lines(content: bytes, place: str) -> Iterator[tuple[int, str]]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", place=place) from None
    held, start = "", 0
    for number, line in enumerate(lines, 1):
        start = start if held else number
        text = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        held += text.removesuffix("\\") + (" " if text.endswith("\\") else "")
        if text.endswith("\\"):
            continue
        if held.strip():
            yield start, held.strip()
        held = ""
    if held.strip():
        yield start, held.strip()


def read_npm_lock(content: bytes, place: str) -> tuple[LockedPackage, ...]:
    """Read a package-lock.json of version 2 or 3.

    Raises:
        ConfigError: It is none, or has a package without a hash that is taken from elsewhere.
    """
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
        packages = msgspec.convert(document.get("packages"), dict[str, dict[str, Any]])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        hint = "npm 7 and newer write lockfileVersion 2 or 3; npm install --package-lock-only brings an old one up."
        raise ConfigError("is not a package-lock.json of version 2 or 3", place=place, hint=hint) from None
    found = {}
    for path, entry in packages.items():
        if not path or entry.get("link") or not path.rpartition("node_modules/")[1]:
            continue  # the project itself, and its workspaces
        name = str(entry.get("name") or path.rpartition("node_modules/")[2])
        package = _npm_package(name, entry, f"{place}: {path}")
        found[name, package.version] = package
    return tuple(found[key] for key in sorted(found))


def _npm_package(name: str, entry: dict[str, Any], place: str) -> LockedPackage:
    integrity, resolved = entry.get("integrity"), str(entry.get("resolved") or "")
    if integrity is None and not entry.get("inBundle"):
        hint = "Only packages of a registry, with their integrity, can be deposited; say not_vendored and why."
        raise ConfigError(
            f"has no hash for {name}, from {urlsplit(resolved).scheme or 'a path'}", place=place, hint=hint
        )
    return LockedPackage(
        ecosystem="npm", name=name, version=str(entry.get("version", "")), hashes=_integrity(str(integrity or ""))
    )


def _integrity(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for each in text.split():
        kind, _, value = each.partition("-")
        try:
            found.append((kind, base64.b64decode(value.split("?")[0], validate=True).hex()))
        except (ValueError, binascii.Error):
            continue
    return tuple(sorted(found))
