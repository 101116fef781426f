"""Licences of the product and of its packages: what each declares, and the texts that come with it."""

from __future__ import annotations

import hashlib
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

import msgspec

from portability.escrow.sources.layout import LICENCES, LICENCES_JSON
from portability.escrow.sources.trees import Tree
from portability.manifest import to_json

__all__ = ["FoundLicence", "LicenceEntry", "collect_licences", "package_licences", "write_licences"]

_NAME = re.compile(r"(?:.*[-_.])?(?:licen[cs]es?|copying|copyright|notice|unlicense)(?:[-_.].*)?", re.IGNORECASE)
_NOT = re.compile(r".*\.(?:py|js|ts|json|c|h|go|rs|java|pyc|html|css|png|svg)", re.IGNORECASE)
_CLASSIFIER = "License :: "
_TEXT_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class LicenceEntry:
    """A product or package, the licence that it declares, and the hashes of its texts by their names."""

    ecosystem: str  # product, pypi, npm
    name: str
    version: str
    declared: str | None
    texts: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class FoundLicence:
    """A package as it describes itself, with the licence texts in it."""

    entry: tuple[str, str, str]
    declared: str | None
    texts: Mapping[str, bytes]


def collect_licences(trees: Sequence[Tree], packages: Iterable[FoundLicence], data: Path) -> tuple[LicenceEntry, ...]:
    """Write all texts into the bag, each once, and return who has which."""
    own = (
        FoundLicence(entry=("product", tree.name, ""), declared=None, texts=dict(_own_texts(tree))) for tree in trees
    )
    entries = []
    for found in (*own, *packages):
        texts = {name: _kept(content, data) for name, content in sorted(found.texts.items())}
        ecosystem, name, version = found.entry
        entries.append(
            LicenceEntry(ecosystem=ecosystem, name=name, version=version, declared=found.declared, texts=texts)
        )
    return tuple(sorted(entries, key=lambda each: (each.ecosystem, each.name, each.version)))


def write_licences(entries: Sequence[LicenceEntry], data: Path) -> None:
    """Write the list of them."""
    (data / LICENCES_JSON).write_bytes(to_json({"licences": msgspec.to_builtins(list(entries))}))


def _kept(content: bytes, data: Path) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    file = data / LICENCES / f"{sha256}.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return sha256


def _is_licence(path: str) -> bool:
    name = PurePosixPath(path).name
    return bool(_NAME.fullmatch(name)) and not _NOT.fullmatch(name)


def _own_texts(tree: Tree) -> Iterator[tuple[str, bytes]]:
    for path in tree.paths():
        if _is_licence(path):
            content = tree.read(path, size_bytes_max=_TEXT_BYTES_MAX * 16)
            if content is not None and len(content) <= _TEXT_BYTES_MAX:
                yield path, content


# --- packages --------------------------------------------------------------------------------------------------------


def package_licences(kind: str, folder: Path) -> Iterator[FoundLicence]:
    """Yield what the packages in a folder say: wheels and source distributions of pip, an npm project's modules."""
    if kind == "pip":
        for file in sorted(folder.iterdir()):
            if file.suffix == ".whl":
                yield from _wheel(file)
            elif file.name.endswith((".tar.gz", ".tgz")):
                yield from _sdist(file)
        return
    for file in sorted(folder.glob("**/node_modules/*/package.json")) + sorted(
        folder.glob("**/node_modules/@*/*/package.json")
    ):
        yield from _npm(file)


def _wheel(file: Path) -> Iterator[FoundLicence]:
    try:
        with zipfile.ZipFile(file) as wheel:
            infos = [each for each in wheel.infolist() if ".dist-info/" in each.filename]
            meta = [each for each in infos if each.filename.endswith(".dist-info/METADATA")]
            texts = {
                each.filename.split("/", 1)[1]: wheel.read(each)
                for each in infos
                if each.file_size <= _TEXT_BYTES_MAX
                and not each.is_dir()
                and (_is_licence(each.filename) or ".dist-info/licenses/" in each.filename)
            }
            yield from _from_metadata(wheel.read(meta[0]) if meta else b"", texts)
    except (zipfile.BadZipFile, OSError, KeyError):
        return


def _sdist(file: Path) -> Iterator[FoundLicence]:
    metadata, texts = b"", {}
    try:
        with tarfile.open(file, "r:gz") as source:
            for member in source:
                inside = member.name.split("/", 1)[-1]
                if not member.isreg() or member.size > _TEXT_BYTES_MAX or inside.count("/") > 1:
                    continue
                stream = source.extractfile(member)
                if inside == "PKG-INFO" and stream is not None:
                    metadata = stream.read()
                elif _is_licence(inside) and stream is not None:
                    texts[inside] = stream.read()
    except (tarfile.TarError, OSError, EOFError):
        return
    yield from _from_metadata(metadata, texts)


def _from_metadata(content: bytes, texts: Mapping[str, bytes]) -> Iterator[FoundLicence]:
    fields = HeaderParser().parsestr(content.decode("utf-8", "replace"))
    name = re.sub(r"[-_.]+", "-", fields.get("Name", "")).lower()
    if not name:
        return
    classifiers = [each.removeprefix(_CLASSIFIER) for each in fields.get_all("Classifier", []) if _CLASSIFIER in each]
    said = fields.get("License-Expression") or fields.get("License") or "; ".join(classifiers)
    declared = said.strip().splitlines()[0][:200] if said and said.strip() else None
    yield FoundLicence(entry=("pypi", name, fields.get("Version", "")), declared=declared, texts=texts)


def _npm(file: Path) -> Iterator[FoundLicence]:
    try:
        about = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except (msgspec.DecodeError, OSError):
        return
    said = about.get("license")
    declared = str(said.get("type")) if isinstance(said, dict) else str(said) if said else None
    texts = {
        each.name: each.read_bytes()
        for each in sorted(file.parent.iterdir())
        if each.is_file()
        and not each.is_symlink()
        and _is_licence(each.name)
        and each.stat().st_size <= _TEXT_BYTES_MAX
    }
    entry = ("npm", str(about.get("name", "")), str(about.get("version", "")))
    yield FoundLicence(entry=entry, declared=declared, texts=texts)
