"""A sealed archive made by age, zstd, tar and ssh-keygen alone: another writer than ours, which also lies on request.

``Sealing.of`` lays a folder's files into tars and a catalog; a test may then put other bytes in any place before
``write`` encrypts, lists and signs.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portability.sealing.manifest import SealedManifest

SEALED_AT = "2026-01-05T10:00:00Z"


def run(*command: str | Path, given: bytes = b"", cwd: Path | None = None) -> bytes:
    """Run a stock tool and return what it prints."""
    return subprocess.run([str(part) for part in command], input=given, capture_output=True, check=True, cwd=cwd).stdout


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key pair in files: the private one, and the public one as a line."""

    name: str
    kind: str
    file: Path
    public: str

    @property
    def fingerprint(self) -> str:
        """As the manifest has it."""
        blob = self.public.encode() if self.kind == "age-x25519" else base64.b64decode(self.public.split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def make_key(folder: Path, name: str, kind: str, *, passphrase: str = "") -> Key:
    """Make a key with age-keygen or ssh-keygen."""
    file = folder / f"{name}.key"
    if kind == "age-x25519":
        run("age-keygen", "-o", file)
        return Key(name=name, kind=kind, file=file, public=run("age-keygen", "-y", file).decode().strip())
    bits = ["-b", "2048"] if kind == "ssh-rsa" else []
    run("ssh-keygen", "-q", "-t", kind.removeprefix("ssh-"), *bits, "-N", passphrase, "-C", name, "-f", file)
    public = " ".join(file.with_suffix(".key.pub").read_text(encoding="utf-8").split()[:2])
    return Key(name=name, kind=kind, file=file, public=public)


def encrypt(content: bytes, *recipients: str) -> bytes:
    """Encrypt with stock age."""
    return run("age", *(part for each in recipients for part in ("-r", each)), given=content)


def canonical(value: object) -> bytes:
    """Write RFC 8785 JSON; of integers and ASCII text this is all there is to it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(kw_only=True)
class Sealing:
    """What will be sealed; every part may be changed before ``write``."""

    work: Path
    recipients: Sequence[Key]
    signer: Key
    threshold: int = 1
    tars: list[bytes] = field(default_factory=list)
    catalog: list[dict[str, Any]] = field(default_factory=list)
    pack: Sequence[str] = ("zstd", "-3", "-q", "-c")
    pack_segments: Sequence[str] = ()
    envelope: Callable[[str], bytes] = lambda identity: f"{identity}\n".encode()
    wrap: Callable[[bytes, str], bytes] = encrypt
    edit: Callable[[dict[str, Any]], object] = lambda _: None
    notes: Callable[[SealedManifest], dict[str, bytes]] = lambda _: {
        "OPEN.md": b"see open.sh\n",
        "open.sh": b"exit 1\n",
    }

    def __post_init__(self) -> None:
        file = self.work / "deposit.key"
        file.unlink(missing_ok=True)
        run("age-keygen", "-o", file)
        self.identity = file.read_text(encoding="utf-8").split()[-1]
        self.recipient = run("age-keygen", "-y", file).decode().strip()

    def add_all(self, root: Path, *, segment_bytes: int) -> None:
        """Lay every file below a folder into tars of at most so many bytes of content, slicing what is larger."""
        members: list[list[tuple[str, bytes]]] = [[]]
        room = segment_bytes
        for path in sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()):
            content, pieces = (root / path).read_bytes(), []
            slices = range(0, len(content), segment_bytes) if len(content) > segment_bytes else None
            parts = [content] if slices is None else [content[at : at + segment_bytes] for at in slices]
            for number, part in enumerate(parts):
                if len(part) > room:
                    members.append([])
                    room = segment_bytes
                name = f"files/{path}" if slices is None else f"slices/{path}/{number:06d}"
                members[-1].append((name, part))
                pieces.append({"segment": len(members) - 1, "member": name, "size_bytes": len(part)})
                room -= len(part)
            self.catalog.append(entry(path, content, pieces))
        self.tars = [self.tar(each) for each in members]

    def tar(self, members: Sequence[tuple[str, bytes]], *options: str) -> bytes:
        """Make a tar with GNU tar."""
        folder = self.work / f"tar{len(list(self.work.iterdir()))}"
        folder.mkdir()
        for name, content in members:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        names = "\0".join(name for name, _ in members).encode()
        fixed = ["--format=ustar", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=0644"]
        return run(
            "tar", "-c", "-f", "-", *fixed, *options, "--null", "--no-recursion", "-T", "-", given=names, cwd=folder
        )

    def write(self, target: Path) -> Path:
        """Encrypt, list, sign."""
        files: dict[str, bytes] = {}
        plain: dict[str, int] = {}
        for number, tar in enumerate(self.tars):
            self._encrypted(files, plain, f"segments/{number:06d}.age", tar)
        lines = b"".join(canonical(each) + b"\n" for each in sorted(self.catalog, key=lambda each: str(each["path"])))
        self._encrypted(files, plain, "catalog.age", lines)
        envelopes = list(self._envelopes(files))
        manifest = self._manifest(files, plain, envelopes)
        files |= self.notes(manifest_of(manifest))
        manifest = self._manifest(files, plain, envelopes)
        self.edit(manifest)
        target.mkdir()
        for path, content in {**files, "manifest.json": canonical(manifest)}.items():
            (target / path).parent.mkdir(exist_ok=True)
            (target / path).write_bytes(content)
        sign(target, self.signer)
        return target

    def _encrypted(self, files: dict[str, bytes], plain: dict[str, int], path: str, content: bytes) -> None:
        pack = self.pack_segments if self.pack_segments and path != "catalog.age" else self.pack
        packed = run(*pack, given=content)
        files[path], plain[path] = encrypt(packed, self.recipient), len(packed)

    def _envelopes(self, files: dict[str, bytes]) -> Any:  # noqa: ANN401 -- plain JSON data
        keys = {key.name: key for key in self.recipients}
        for group in itertools.combinations(sorted(keys), self.threshold):
            content = self.envelope(self.identity)
            for name in reversed(group):
                content = self.wrap(content, keys[name].public)
            path = f"keys/{'+'.join(group)}.age"
            files[path] = content
            yield {"file": path, "recipients": list(group)}

    def _manifest(self, files: dict[str, bytes], plain: dict[str, int], envelopes: list[Any]) -> dict[str, Any]:
        listed = [
            {
                "path": path,
                "plain_bytes": plain.get(path),
                "sha256": hashlib.sha256(files[path]).hexdigest(),
                "size_bytes": len(files[path]),
            }
            for path in sorted(files)
        ]
        ordered = sorted(self.recipients, key=lambda each: each.name)
        chain = {"agreement": None, "base_sha256": None, "kind": "full", "next_by": None, "previous_sha256": None}
        return {
            "format": "legal-portability-sealed",
            "version": "1.0",
            "deposit_id": "0123456789abcdef" * 2,
            "deposit_class": "data",
            "sealed_at": SEALED_AT,
            "threshold": self.threshold,
            "recipients": [{"name": k.name, "kind": k.kind, "fingerprint": k.fingerprint} for k in ordered],
            "envelopes": envelopes,
            "commitment": hashlib.sha256(self.recipient.encode()).hexdigest(),
            "content_files": len(self.catalog),
            "content_bytes": sum(each["size_bytes"] for each in self.catalog),
            "files": listed,
            "chain": {**chain, "sequence": 1, "watermark": None},
        }


def entry(path: str, content: bytes, pieces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a catalog entry as plain JSON."""
    sha256 = hashlib.sha256(content).hexdigest()
    return {"path": path, "size_bytes": len(content), "sha256": sha256, "pieces": list(pieces)}


def manifest_of(plain: dict[str, Any]) -> SealedManifest:
    """Return plain JSON as the wire type."""
    import msgspec  # noqa: PLC0415 -- a stock writer needs it for nothing else

    return msgspec.convert(plain, SealedManifest)


def sign(sealed: Path, signer: Key, *, namespace: str = "legal-portability-sealed") -> None:
    """Sign manifest.json with ssh-keygen."""
    (sealed / "manifest.json.sig").unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-Y", "sign", "-f", signer.file, "-n", namespace, sealed / "manifest.json")


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(each.relative_to(root)): each.read_bytes() for each in root.rglob("*") if not each.is_dir()}


def as_tar(sealed: Path, target: Path) -> Path:
    """Write the one-file form in the order of the format."""
    order = ["segments", "catalog.age", "keys", "OPEN.md", "open.sh", "manifest.json", "manifest.json.sig"]
    paths = sorted(tree(sealed), key=lambda path: (order.index(path.split("/")[0]), path))
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as tar:
        for path in paths:
            member = tarfile.TarInfo(path)
            member.size = os.path.getsize(sealed / path)  # noqa: PTH202 -- beside its name
            with (sealed / path).open("rb") as stream:
                tar.addfile(member, stream)
    return target
