"""The software bill of materials: CycloneDX 1.6 JSON, from the lock files; the same lock files give the same bytes."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from portability.errors import ConfigError, FormatError
from portability.escrow.sources.locks import LockedPackage

__all__ = ["read_sbom", "write_sbom"]

_NAMESPACE = uuid.UUID("6f0d5c1c-9f5b-5f0e-9b66-2f7d0f1b8a11")
_ALGORITHMS = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512", "sha1": "SHA-1"}


def _library(name: str) -> Any:  # noqa: ANN401 -- a module
    try:
        return importlib.import_module(f"cyclonedx.{name}")
    except ImportError:
        hint = "pip install 'portability[service]'"
        raise ConfigError("the CycloneDX library is not installed", hint=hint) from None


def write_sbom(
    product: str, packages: Iterable[LockedPackage], licences: Mapping[tuple[str, str, str], str], *, content: str
) -> bytes:
    """Return the document.

    Args:
        product: What is built of them.
        packages: All packages of all lock files.
        licences: The licence that a package declares, by (ecosystem, name, version).
        content: What identifies the deposit's content; the document's serial number follows from it.
    """
    model, bom_module = _library("model.component"), _library("model.bom")
    root = model.Component(name=product, type=model.ComponentType.APPLICATION, bom_ref="product")
    bom = bom_module.Bom(serial_number=uuid.uuid5(_NAMESPACE, content))
    bom.metadata.component = root
    bom.metadata.timestamp = datetime(
        2000, 1, 1, tzinfo=UTC
    )  # its time is the deposit's; the same locks, the same file
    components = [_component(model, each, licences) for each in sorted({*packages}, key=_key)]
    bom.components.update(components)
    bom.register_dependency(root, components)
    output = _library("output").make_outputter(
        bom, _library("output").OutputFormat.JSON, _library("schema").SchemaVersion.V1_6
    )
    text: str = output.output_as_string(indent=1)
    read_sbom(text.encode())
    return text.encode() + b"\n"


def _key(package: LockedPackage) -> tuple[str, str, str]:
    return package.ecosystem, package.name, package.version


def _component(model: Any, package: LockedPackage, licences: Mapping[tuple[str, str, str], str]) -> Any:  # noqa: ANN401
    basics, purls = _library("model"), importlib.import_module("packageurl")
    namespace, _, name = package.name.rpartition("/")
    purl = purls.PackageURL(package.ecosystem, namespace or None, name, package.version)
    hashes = [
        basics.HashType(alg=basics.HashAlgorithm(_ALGORITHMS[kind]), content=value)
        for kind, value in package.hashes
        if kind in _ALGORITHMS
    ]
    declared = licences.get(_key(package))
    return model.Component(
        name=name,
        group=namespace or None,
        version=package.version,
        type=model.ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        # Several hashes are those of several files: wheels for other machines, and the source.
        external_references=[] if len(hashes) <= 1 else [_file(basics, purl.to_string(), each) for each in hashes],
        hashes=hashes if len(hashes) == 1 else [],
        licenses=[] if declared is None else [_licence(declared)],
    )


def _file(basics: Any, url: str, hashed: Any) -> Any:  # noqa: ANN401
    kind = basics.ExternalReferenceType.DISTRIBUTION
    return basics.ExternalReference(type=kind, url=basics.XsUri(url), hashes=[hashed])


def _licence(text: str) -> Any:  # noqa: ANN401
    factory = importlib.import_module("cyclonedx.contrib.license.factories").LicenseFactory()
    return factory.make_from_string(text[:200])


def read_sbom(content: bytes) -> frozenset[tuple[str, str, str]]:
    """Return the packages of a document as (ecosystem, name, version), after checking it against CycloneDX's schema.

    Raises:
        FormatError: It is not valid.
    """
    validation, schema = _library("validation.json"), _library("schema")
    try:
        text = content.decode("utf-8")
        problem = validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text)
        document = msgspec.json.decode(content, type=dict[str, Any])
    except (UnicodeDecodeError, msgspec.DecodeError, ValueError, RecursionError):
        raise FormatError("is no JSON document", place="sbom.cyclonedx.json") from None
    if problem is not None:
        raise FormatError("is not valid CycloneDX 1.6", place="sbom.cyclonedx.json")
    found = set()
    purls = importlib.import_module("packageurl")
    for each in document.get("components", ()):
        try:
            purl = purls.PackageURL.from_string(str(each.get("purl", "")))
        except ValueError:
            raise FormatError("has a component without a package URL", place="sbom.cyclonedx.json") from None
        name = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
        found.add((purl.type, name, purl.version or ""))
    return frozenset(found)
