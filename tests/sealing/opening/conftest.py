"""Keys, an archive, and the same archive sealed by stock tools; made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.minimal import good_content
from fixtures.writing import write_archive
from portability.sealing.manifest import SealedManifest
from portability.sealing.opening_notes import open_md, open_sh
from tests.conftest import lacking
from tests.sealing.opening.stock import Key, Sealing, as_tar, make_key

TOOLS = ("age", "age-keygen", "ssh-keygen", "zstd", "tar", "sha256sum")


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Three recipients of different technology, a stranger, and who signs."""

    ann: Key
    ben: Key
    cat: Key
    stranger: Key
    signer: Key
    trust: Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys made by the stock tools."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("keys")
    signer = make_key(folder, "signer", "ssh-ed25519")
    trust = folder / "allowed_signers"
    trust.write_text(f'vendor@example namespaces="legal-portability-*" {signer.public}\n', encoding="utf-8")
    return Keys(
        ann=make_key(folder, "ann", "age-x25519"),
        ben=make_key(folder, "ben", "ssh-ed25519"),
        cat=make_key(folder, "cat", "ssh-rsa"),
        stranger=make_key(folder, "stranger", "age-x25519"),
        signer=signer,
        trust=trust,
    )


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound archive with both layers and documents."""
    root = tmp_path_factory.mktemp("archive") / "archive"
    write_archive(good_content(), root)
    return root


@pytest.fixture(scope="session")
def sealing(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Sealing]:
    """Begin a sealing for ann, ben and cat, any one of them; keyword arguments change that."""

    def begin(**changes: Any) -> Sealing:  # noqa: ANN401 -- any field
        fields = {"recipients": (keys.ann, keys.ben, keys.cat), "signer": keys.signer, "notes": _notes, **changes}
        return Sealing(work=tmp_path_factory.mktemp("work"), **fields)

    return begin


def _notes(manifest: SealedManifest) -> dict[str, bytes]:
    return {"OPEN.md": open_md(manifest), "open.sh": open_sh()}


SEGMENT_BYTES = 100_000  # the archive then takes a dozen segments, and its largest files are sliced


@pytest.fixture(scope="session")
def sealed(sealing: Callable[..., Sealing], archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, sealed as a directory; tests copy it before they change it."""
    made = sealing()
    made.add_all(archive, segment_bytes=SEGMENT_BYTES)
    return made.write(tmp_path_factory.mktemp("sealed") / "sealed")


@pytest.fixture(scope="session")
def sealed_tar(sealed: Path) -> Path:
    """The same as one file."""
    return as_tar(sealed, sealed.with_suffix(".tar"))


@pytest.fixture(scope="session")
def two_of_three(sealing: Callable[..., Sealing], archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, sealed so that it takes two of the three keys."""
    made = sealing(threshold=2)
    made.add_all(archive, segment_bytes=SEGMENT_BYTES)
    return made.write(tmp_path_factory.mktemp("sealed") / "two-of-three")
