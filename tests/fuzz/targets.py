"""Every parser of a file that comes from outside: real files to start from, and how one is read."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zstandard

from fixtures.bad_sealed import CONTENT
from fixtures.sealing import AGREED, SENDER, Deposit, Dice, encrypt, pack, seal, sshsig, tar_of, trust_line
from fixtures.writing import seal as make_bag_fit
from portability.checks import verify
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.config import load_config
from portability.limits import DEFAULT_LIMITS
from portability.profiles import list_profiles, load_profile
from portability.sealing.catalog import iter_catalog
from portability.sealing.container import open_container
from portability.sealing.encryption import Identity, decrypt_stream, parse_identities, read_header
from portability.sealing.payload import open_age
from portability.sealing.reading import canonical_json, manifest_of, parse_json, parse_manifest
from portability.sealing.recipients import parse_recipients
from portability.sealing.untar import TarReader
from portability.signing import SEALED_NAMESPACE, check_signature
from portability.signing.key_files import parse_key
from portability.signing.trust import parse_trust

__all__ = ["TARGETS", "UNEXPECTED", "Target", "World"]

UNEXPECTED = {"C191", "X191"}
"""The codes of a step that ended unexpectedly: a traceback by another name."""

ALICE = AGREED[0]
TAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "export.json")
PROFILE = "practice"


@dataclass(frozen=True, kw_only=True)
class World:
    """Where targets may write: ``folder``; with a good plain archive to copy from, and a sealed one."""

    folder: Path
    plain: Path
    sealed: Path
    sealed_tar: Path

    @classmethod
    def make(cls, folder: Path, plain: Path) -> World:
        """Build the sealed archives beside it."""
        sealed = seal(Deposit(content=dict(CONTENT)), folder / "sealed")
        tar = seal(Deposit(content=dict(CONTENT), form="tar"), folder / "sealed.tar")
        shutil.copytree(plain, folder / "plain")
        shutil.copytree(Path(load_profile.__code__.co_filename).parent / PROFILE, folder / "profile")
        return cls(folder=folder, plain=folder / "plain", sealed=sealed, sealed_tar=tar)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A parser: ``seeds`` gives good files, ``read`` reads one and may raise PortabilityError only."""

    name: str
    seeds: Callable[[World], list[bytes]]
    read: Callable[[World, bytes], object]
    slow: bool = False


# --- the sealed form -------------------------------------------------------------------------------------------------


def _manifest(world: World) -> list[bytes]:
    return [(world.sealed / "manifest.json").read_bytes()]


def _read_manifest(_: World, data: bytes) -> None:
    assert canonical_json(parse_manifest(data)) is not None


def _catalog_lines(world: World) -> list[bytes]:
    del world
    entries = [
        {
            "path": path,
            "pieces": [{"member": f"files/{path}", "segment": 0, "size_bytes": len(content)}],
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
        }
        for path, content in sorted(CONTENT.items())
    ]
    return [b"".join(canonical_json(entry) + b"\n" for entry in entries)]


def _read_catalog(world: World, frame: bytes) -> None:
    manifest = manifest_of(parse_json((world.sealed / "manifest.json").read_bytes()))
    for _ in iter_catalog(io.BytesIO(frame), manifest):
        pass


def _age_files(world: World) -> list[bytes]:
    return [*_envelopes(world), encrypt(bytes(70_000), [ALICE], Dice("two chunks"))]


def _envelopes(world: World) -> list[bytes]:
    return [(world.sealed / f"keys/{name}.age").read_bytes() for name in ("alice", "bob")]


def _identities() -> tuple[Identity, ...]:
    return tuple(each for person in AGREED[:2] for each in parse_identities(person.identity.encode()))


def _read_age(_: World, data: bytes) -> None:
    read_header(io.BytesIO(data))
    with open_age(io.BytesIO(data), _identities()) as plain:
        plain.read()


def _read_envelope(_: World, data: bytes) -> None:
    decrypt_stream(io.BytesIO(data), io.BytesIO(), _identities())


def _segment_tars(_: World) -> list[bytes]:
    return [tar_of((f"files/{path}", content) for path, content in CONTENT.items())]


def _read_segment_tar(_: World, data: bytes) -> None:
    reader = TarReader(io.BytesIO(data))
    while reader.next():
        reader.skip()


def _read_segment_frame(_: World, data: bytes) -> None:
    unpacker = zstandard.ZstdDecompressor(max_window_size=DEFAULT_LIMITS.zstd_window_bytes_max)
    try:
        reader = TarReader(unpacker.stream_reader(io.BytesIO(data), read_across_frames=True))
        while reader.next():
            reader.skip()
    except zstandard.ZstdError:  # which both the opener and the verifier turn into a sentence
        pass


def _read_container(world: World, data: bytes) -> None:
    path = world.folder / "fuzzed.tar"
    path.write_bytes(data)
    with open_container(path, DEFAULT_LIMITS) as container:
        for name in container.names():
            with container.open(name) as stream:
                stream.read()


def _read_sealed(world: World, data: bytes) -> None:
    path = world.folder / "fuzzed.tar"
    path.write_bytes(data)
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    assert not verify_sealed(path, level="v2", request=request).codes() & UNEXPECTED


def _read_signed_manifest(world: World, data: bytes) -> None:
    """Any manifest, signed by its sender: what follows the signature meets it too."""
    (world.sealed / "manifest.json").write_bytes(data)
    (world.sealed / "manifest.json.sig").write_bytes(sshsig(data, SENDER))
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()), previous=data)
    assert not verify_sealed(world.sealed, level="v2", request=request).codes() & UNEXPECTED


# --- signatures, keys, settings --------------------------------------------------------------------------------------


def _read_recipients(world: World, data: bytes) -> None:
    path = world.folder / "recipients"
    path.write_bytes(data)
    parse_recipients([str(path)])


def _read_config(world: World, data: bytes) -> None:
    path = world.folder / "portability.yaml"
    path.write_bytes(data)
    before = os.environ.get("PORTABILITY_CONFIG")
    os.environ["PORTABILITY_CONFIG"] = str(path)
    try:
        load_config()
    finally:
        del os.environ["PORTABILITY_CONFIG"]
        if before is not None:
            os.environ["PORTABILITY_CONFIG"] = before


def _read_profile(world: World, data: bytes) -> None:
    (world.folder / "profile/profile.yaml").write_bytes(data)
    load_profile(str(world.folder / "profile"))


def _profiles(_: World) -> list[bytes]:
    folder = Path(load_profile.__code__.co_filename).parent
    return [(folder / name / "profile.yaml").read_bytes() for name in list_profiles()]


CONFIG = b"""sources:
  practice:
    url: postgresql://export:${PASSWORD}@db.example/practice
    documents: /srv/documents
    profile: openlawoffice
limits: {duckdb_memory_mib: 512, json_depth_max: 10}
"""

# --- the plain archive -----------------------------------------------------------------------------------------------


def _plain(path: str, level: str) -> Target:
    """Put the file into the archive, make the bag fit it, and check."""

    def read(world: World, data: bytes) -> None:
        file = world.plain / path
        good = file.read_bytes()
        try:
            file.write_bytes(data)
            if path.startswith("data/"):
                make_bag_fit(world.plain)
            elif not path.startswith("tagmanifest"):
                _fit_tags(world.plain)
            assert not verify(world.plain, level=level).codes() & UNEXPECTED
        finally:
            file.write_bytes(good)

    return Target(name=path, seeds=lambda world: [(world.plain / path).read_bytes()], read=read, slow=True)


def _fit_tags(root: Path) -> None:
    lines = [f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(TAG_FILES)]
    (root / "tagmanifest-sha256.txt").write_text("".join(lines), encoding="ascii", newline="\n")


TARGETS: tuple[Target, ...] = (
    Target(name="manifest.json", seeds=_manifest, read=_read_manifest),
    Target(name="manifest.json, signed", seeds=_manifest, read=_read_signed_manifest, slow=True),
    Target(name="catalog, lines", seeds=_catalog_lines, read=lambda world, data: _read_catalog(world, pack(data))),
    Target(
        name="catalog, packed", seeds=lambda world: [pack(each) for each in _catalog_lines(world)], read=_read_catalog
    ),
    Target(name="age file", seeds=_age_files, read=_read_age),
    Target(name="envelope", seeds=_envelopes, read=_read_envelope),
    Target(name="tar of a segment", seeds=_segment_tars, read=_read_segment_tar),
    Target(
        name="zstd frame of a segment",
        seeds=lambda world: [pack(each) for each in _segment_tars(world)],
        read=_read_segment_frame,
    ),
    Target(name="tar of a sealed archive", seeds=lambda w: [w.sealed_tar.read_bytes()], read=_read_container),
    Target(
        name="tar of a sealed archive, checked",
        seeds=lambda world: [world.sealed_tar.read_bytes()],
        read=_read_sealed,
        slow=True,
    ),
    Target(
        name="SSH signature",
        seeds=lambda _: [sshsig(b"x", SENDER)],
        read=lambda _, data: check_signature(b"x", data, namespace=SEALED_NAMESPACE),
    ),
    Target(
        name="allowed_signers",
        seeds=lambda _: [trust_line(SENDER, 'namespaces="a,b*",valid-after="20250101Z" ').encode() * 2],
        read=lambda _, data: parse_trust(data, "allowed_signers"),
    ),
    Target(
        name="identity",
        seeds=lambda _: [person.identity.encode() for person in AGREED],
        read=lambda _, data: parse_identities(data),
    ),
    Target(name="key file", seeds=lambda _: [AGREED[1].identity.encode()], read=lambda _, data: parse_key(data, "key")),
    Target(
        name="recipients",
        seeds=lambda _: ["".join(f"{each.name} {each.recipient}\n" for each in AGREED).encode()],
        read=_read_recipients,
    ),
    Target(name="portability.yaml", seeds=lambda _: [CONFIG], read=_read_config),
    Target(name="profile.yaml", seeds=_profiles, read=_read_profile),
    *(_plain(name, "quick") for name in (*TAG_FILES, "tagmanifest-sha256.txt")),
    *(
        _plain(f"data/{name}", "full")
        for name in (
            "datapackage.json",
            "schema/source.json",
            "schema/model.json",
            "schema/firm.schema.json",
            "reports/control_totals.json",
            "reports/findings.json",
            "reports/coverage.json",
            "source/main.person.parquet",
            "tables/firm.parquet",
            "reports/exceptions.parquet",
        )
    ),
)
"""All of them; ``slow`` ones check a whole archive for each input."""
