"""Bags that stock tools accept: sha256sum and bagit-python are the judges."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import bagit
import pytest

from portability.errors import FormatError
from portability.formats.bag import write_bag
from portability.streams import digest_file

SHA256SUM = shutil.which("sha256sum")
INFO = {"Source-Organization": "Marsh & Field LLP", "Bagging-Date": "2026-11-22"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with a complete payload and export.json, not yet a bag."""
    files = {
        "data/tables/matter.parquet": b"PAR1 matter PAR1",
        "data/README.html": b"<!doctype html>",
        "data/documents/2c/2c26": b"foo",
        "data/documents/e3/e3b0": b"",
        "export.json": b"{}\n",
    }
    for name, content in files.items():
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "archive"


def manifest_paths(file: Path) -> list[str]:
    """Return the paths of a manifest in their order."""
    return [line.partition("  ")[2] for line in file.read_text().splitlines()]


def test_bag_of_a_complete_payload_is_valid_for_bagit_python(root: Path) -> None:
    """bagit-python finds every file, checksum and the Oxum in order."""
    write_bag(root, info=INFO)
    bag = bagit.Bag(str(root))
    assert bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["Source-Organization"] == "Marsh & Field LLP"
    assert bag.info["Payload-Oxum"] == "34.4"


@pytest.mark.skipif(SHA256SUM is None, reason="sha256sum not found")
@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_bag_manifests_are_input_for_sha256sum(root: Path, manifest: str) -> None:
    """Both manifests pass `sha256sum -c --strict` as they are."""
    write_bag(root, info=INFO)
    done = subprocess.run([str(SHA256SUM), "-c", "--strict", manifest], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_bag_manifest_lists_every_payload_file_in_order(root: Path) -> None:
    """The manifest has one line per payload file, sorted by path, LF only."""
    write_bag(root, info=INFO)
    assert manifest_paths(root / "manifest-sha256.txt") == [
        "data/README.html",
        "data/documents/2c/2c26",
        "data/documents/e3/e3b0",
        "data/tables/matter.parquet",
    ]
    assert b"\r" not in (root / "manifest-sha256.txt").read_bytes()


def test_bag_tagmanifest_covers_every_tag_file_but_itself_and_its_signature(root: Path) -> None:
    """export.json is covered; the tag manifest and the signature over it are not."""
    (root / "tagmanifest-sha256.txt.sig").write_text("signature")
    write_bag(root, info=INFO)
    expected = ["bag-info.txt", "bagit.txt", "export.json", "manifest-sha256.txt"]
    assert manifest_paths(root / "tagmanifest-sha256.txt") == expected


def test_bag_written_twice_has_the_same_bytes(root: Path) -> None:
    """Writing again, as a resumed run does, changes nothing."""
    write_bag(root, info=INFO)
    before = {path.name: path.read_bytes() for path in root.glob("*.txt")}
    write_bag(root, info=INFO)
    assert before == {path.name: path.read_bytes() for path in root.glob("*.txt")}


def test_bag_takes_known_digests_without_reading(root: Path) -> None:
    """A digest given by the caller stands in the manifest, and progress hears of every file."""
    path = "tables/matter.parquet"
    known = digest_file(root / "data" / path)
    (root / "data" / path).write_bytes(b"X" * known.size_bytes)
    heard: dict[str, int] = {}
    write_bag(root, info=INFO, known={path: known}, progress=heard.__setitem__)
    assert f"{known.sha256}  data/{path}\n" in (root / "manifest-sha256.txt").read_text()
    assert heard == {"README.html": 15, "documents/2c/2c26": 3, "documents/e3/e3b0": 0, path: 16}


def test_bag_refuses_a_known_file_whose_length_changed(root: Path) -> None:
    """A file that changed after it was hashed is an error, not a wrong manifest."""
    path = "tables/matter.parquet"
    known = digest_file(root / "data" / path)
    (root / "data" / path).write_bytes(b"longer than it was before")
    with pytest.raises(FormatError, match="had 16 when"):
        write_bag(root, info=INFO, known={path: known})


@pytest.mark.parametrize("name", ["Upper.txt", "a b", "100%", ".hidden", "con", "aux.txt", "ends.", "naïve"])
def test_bag_refuses_payload_names_outside_the_rules(root: Path, name: str) -> None:
    """Names that some system cannot hold, or that BagIt would have to escape, are refused by name."""
    (root / "data" / name).write_bytes(b"")
    with pytest.raises(FormatError) as caught:
        write_bag(root, info=INFO)
    assert caught.value.place == f"data/{name}"


def test_bag_refuses_a_link_in_the_payload(root: Path) -> None:
    """A symbolic link is never followed into a manifest."""
    (root / "data" / "documents" / "ff").symlink_to("/etc")
    with pytest.raises(FormatError, match="link"):
        write_bag(root, info=INFO)


def test_bag_info_value_with_line_breaks_stays_one_line(root: Path) -> None:
    """A hostile firm name cannot add a line of its own to bag-info.txt."""
    write_bag(root, info={"Source-Organization": "A\nPayload-Oxum: 1.1\r\n\x85B\u2028C\x00D"})
    assert bagit.Bag(str(root)).info["Source-Organization"] == "A Payload-Oxum: 1.1 B C D"
    assert bagit.Bag(str(root)).is_valid()


@pytest.mark.parametrize("label", ["Payload-Oxum", "", "A:B", "-A", "A B"])
def test_bag_info_refuses_labels_a_caller_may_not_give(root: Path, label: str) -> None:
    """A label that would break or overrule the file's own lines is a programmer's error."""
    with pytest.raises(ValueError, match="label"):
        write_bag(root, info={label: "x"})


def test_bag_of_a_changed_byte_fails_in_bagit_python(root: Path) -> None:
    """The peer finds damage through our manifest, so the manifest really binds the bytes."""
    write_bag(root, info=INFO)
    (root / "data/documents/2c/2c26").write_bytes(b"fop")
    assert not bagit.Bag(str(root)).is_valid()
    assert hashlib.sha256(b"foo").hexdigest() in (root / "manifest-sha256.txt").read_text()
