"""Subject access: what is found, what must be decided, what is handed over."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from portability.archive import Archive
from portability.cli import cli
from portability.errors import ArchiveExistsError, ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.subject_access import Collection, collect, read_review, write_bundle, write_draft

Decide = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture(scope="module")
def found(archive: Archive) -> Collection:
    """Everything about Bob."""
    return collect(archive, "k1")


def _review(found: Collection, folder: Path, decide: Decide) -> Path:
    """Write a draft and decide each of its lines."""
    rows = list(csv.DictReader(io.StringIO((write_draft(found, folder).folder / "review.csv").read_text("utf-8-sig"))))
    path = folder / "decided.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, **decide(row)} for row in rows)
    return path


def _release(_: dict[str, str]) -> dict[str, str]:
    return {"decision": "release"}


def _names(found: Collection) -> set[str]:
    return {item.name for item in found.items}


def test_collect_follows_keys_from_the_contact_to_what_hangs_on_the_matters(found: Collection) -> None:
    """The contact, its double, client, matters, bills and their lines are found; the other side's own rows are not."""
    assert {"contact/k1", "contact/k3", "client/c1", "matter/m1", "matter/m2", "bill/b1", "bill_line/l1"} <= _names(
        found
    )
    assert {"contact_point/cp1", "contact_point/cp2", "matter_party/p3", "note/n1", "time_entry/t1"} <= _names(found)
    assert not {"contact/k2", "contact_point/cp3", "note/n3", "user/u1", "firm/f1"} & _names(found)


def test_collect_name_or_phone_in_a_text_is_a_mention_to_be_decided(found: Collection) -> None:
    """A note on somebody else that names the person is offered, flagged, and asserted to be nothing."""
    (note,) = [item for item in found.items if item.name == "note/n2"]
    assert (note.ground, "mention" in note.flags) == ("mention", True)


def test_collect_other_people_and_privileged_material_are_flagged(found: Collection) -> None:
    """Another contact by key or by name in a text, privileged fields and unseen documents each make a flag."""
    flags = {item.name: set(item.flags) for item in found.items}
    assert flags["matter_party/p3"] == {"others"}
    assert flags["note/n1"] == {"others", "privileged"}
    assert flags["contact_point/cp1"] == set()
    documents = [item for item in found.items if item.file is not None]
    assert documents
    assert all(item.flags == ("document",) for item in documents)


def test_collect_staff_of_the_firm_are_left_out(found: Collection) -> None:
    """Who of the firm did something is that person's data: the field is counted and not shown."""
    (entry,) = [item for item in found.items if item.name == "time_entry/t1"]
    assert entry.staff == 1
    assert "fee_earner_id" not in {value.name for value in entry.values}


def test_collect_unknown_contact_or_too_much_is_refused(archive: Archive) -> None:
    """A contact that is not there, or more items than anybody can look through, ends in a sentence."""
    with pytest.raises(ConfigError, match="no such contact"):
        collect(archive, "k'9")
    with pytest.raises(ConfigError, match="more than 5 items"):
        collect(archive, "k1", limits=replace(DEFAULT_LIMITS, subject_items_max=5))


def test_write_bundle_undecided_items_are_refused_and_nothing_is_written(
    archive: Archive, found: Collection, tmp_path: Path
) -> None:
    """There is no bundle before every flagged item is decided, and a decision without its reason is none."""
    with pytest.raises(ConfigError, match="not decided"):
        write_bundle(archive, found, {}, tmp_path / "out")
    undecided = _review(found, tmp_path / "a", lambda _: {})
    with pytest.raises(ConfigError, match="is not decided") as caught:
        read_review(undecided, found.flagged, limits=DEFAULT_LIMITS)
    assert len(caught.value.details) == len(found.flagged)
    unreasoned = _review(found, tmp_path / "b", lambda _: {"decision": "withhold"})
    with pytest.raises(ConfigError, match="withhold needs a reason"):
        read_review(unreasoned, found.flagged, limits=DEFAULT_LIMITS)
    assert not (tmp_path / "out").exists()


def test_read_review_of_other_content_or_with_lines_missing_is_refused(found: Collection, tmp_path: Path) -> None:
    """A decision holds for what was looked at: a changed fingerprint, a lost or a foreign line is refused."""
    stale = _review(found, tmp_path / "a", lambda _: {"decision": "release", "fingerprint": "0" * 16})
    with pytest.raises(ConfigError, match="something else than when it was listed"):
        read_review(stale, found.flagged, limits=DEFAULT_LIMITS)
    path = _review(found, tmp_path / "b", _release)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    with pytest.raises(ConfigError, match="no line decides on"):
        read_review(path, found.flagged, limits=DEFAULT_LIMITS)
    path.write_text("".join([*lines, lines[1].replace("note", "nota", 1)]))
    with pytest.raises(ConfigError):
        read_review(path, found.flagged, limits=DEFAULT_LIMITS)


def _mixed(row: dict[str, str]) -> dict[str, str]:
    kinds = {"matter_party/p3": "withhold", "note/n1": "redact", "note/n2": "withhold"}
    decision = kinds.get(row["item"], "release")
    return {"decision": decision, "reason": "" if decision == "release" else "others' data", "fields": ""}


def test_write_bundle_withheld_is_gone_everywhere_and_counted(
    archive: Archive, found: Collection, tmp_path: Path
) -> None:
    """What is withheld or redacted stands in no file of the bundle; the record has the reasons and the hashes."""
    review = _review(found, tmp_path / "draft", _mixed)
    decisions = read_review(review, found.flagged, limits=DEFAULT_LIMITS)
    made = write_bundle(archive, found, decisions, tmp_path / "out", request="R-7", review=review)
    bundle = b"".join(p.read_bytes() for p in (made.folder / "bundle").rglob("*") if p.is_file())
    assert b"Eve Mallory" not in bundle
    assert b"k2" not in bundle
    assert b"bob@example.org" in bundle
    data = json.loads((made.folder / "bundle/data.json").read_text())
    assert data["counts"] == {"found": len(found.items), "redacted": 1, "released": len(found.items) - 2, "withheld": 2}
    record = json.loads((made.folder / "record/record.json").read_text())
    assert (record["request"], record["withheld_for"]) == ("R-7", {"others' data": 2})
    assert set(record["bundle"]) == {
        p.relative_to(made.folder / "bundle").as_posix() for p in (made.folder / "bundle").rglob("*") if p.is_file()
    }


def test_write_bundle_documents_are_whole_or_replaced(archive: Archive, found: Collection, tmp_path: Path) -> None:
    """A released document has its bytes; a redacted one is a file of ours in its place; its own bytes are not there."""
    released = _review(found, tmp_path / "a", _release)
    made = write_bundle(
        archive, found, read_review(released, found.flagged, limits=DEFAULT_LIMITS), tmp_path / "one", review=released
    )
    letters = list((made.folder / "bundle/documents").iterdir())
    assert any(b"the search is clear" in path.read_bytes() for path in letters)

    def replaced(row: dict[str, str]) -> dict[str, str]:
        is_file = row["item"].startswith("document file")
        return (
            {"decision": "redact", "reason": "names others", "replacement": "black.txt"} if is_file else _release(row)
        )

    review = _review(found, tmp_path / "b", replaced)
    with pytest.raises(ConfigError, match="by a file in its place"):
        read_review(review, found.flagged, limits=DEFAULT_LIMITS)
    (tmp_path / "b/black.txt").write_bytes(b"blackened")
    decisions = read_review(review, found.flagged, limits=DEFAULT_LIMITS)
    made = write_bundle(archive, found, decisions, tmp_path / "two", review=review)
    contents = {path.read_bytes() for path in (made.folder / "bundle/documents").iterdir()}
    assert contents == {b"blackened"}
    documents = [item for item in found.items if item.file is not None]
    written = b"".join(path.read_bytes() for path in (made.folder / "bundle").rglob("*") if path.is_file()).decode()
    for item in documents:
        assert item.file_name in (tmp_path / "one/bundle/data.json").read_text()
        assert item.id not in written
        assert f'"{item.file_name}"' not in written
    told = [each for each in json.loads((made.folder / "bundle/data.json").read_text())["items"] if "document" in each]
    assert {(each["id"], each["file_name"]) for each in told} == {
        (hashlib.sha256(b"blackened").hexdigest(), f"document {n + 1} redacted.txt") for n in range(len(documents))
    }


@pytest.mark.parametrize(
    "name", ["../black.txt", "/etc/hostname", "sub/black.txt", "link.txt", "decided.csv", "..", ""]
)
def test_read_review_replacement_that_is_no_plain_file_beside_it_is_refused(
    name: str, found: Collection, tmp_path: Path
) -> None:
    """Nothing from elsewhere on the machine comes into a bundle: no path, no link, and not the review itself."""

    def replaced(row: dict[str, str]) -> dict[str, str]:
        is_file = row["item"].startswith("document file")
        return {"decision": "redact", "reason": "others", "replacement": name} if is_file else _release(row)

    review = _review(found, tmp_path / "a", replaced)
    for folder in (tmp_path, tmp_path / "a/sub"):
        folder.mkdir(exist_ok=True)
        (folder / "black.txt").write_bytes(b"blackened")
    (tmp_path / "a/link.txt").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="by a file in its place"):
        read_review(review, found.flagged, limits=DEFAULT_LIMITS)


class _Page(HTMLParser):
    """Collects what a page refers to and runs."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and what it points to."""
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_write_bundle_page_is_self_contained_and_escaped(archive: Archive, found: Collection, tmp_path: Path) -> None:
    """Text of the firm never becomes markup; nothing is fetched; links lead to files of the bundle."""
    review = _review(found, tmp_path / "draft", _release)
    decisions = read_review(review, found.flagged, limits=DEFAULT_LIMITS)
    made = write_bundle(archive, found, decisions, tmp_path / "out", review=review)
    for page in (made.folder / "bundle/index.html", tmp_path / "draft/draft.html"):
        text = page.read_text(encoding="utf-8")
        parsed = _Page()
        parsed.feed(text)
        assert "script" not in parsed.tags
        assert "&lt;script&gt;" in text
        assert '<html lang="en">' in text
        assert not re.search(r"https?://", text)
        assert parsed.tags.count("h1") == 1
        for target in parsed.targets:
            assert target == "#content" or (page.parent / target).is_file()


def test_write_bundle_never_overwrites(archive: Archive, found: Collection, tmp_path: Path) -> None:
    """A folder that is there stays as it is."""
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveExistsError):
        write_draft(found, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    del archive


def test_command_makes_a_draft_then_the_bundle(archive: Archive, found: Collection, tmp_path: Path) -> None:
    """Without decisions there is a list and no bundle; with them the bundle; both as one JSON document too."""
    arguments = ["subject-access", str(archive.root), str(tmp_path / "draft"), "--contact", "k1", "--json"]
    first = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert json.loads(first.output)["is_final"] is False
    assert not (tmp_path / "draft/bundle").exists()
    review = _review(found, tmp_path / "again", _release)
    arguments[2:3] = [str(tmp_path / "final")]
    second = CliRunner().invoke(cli, [*arguments, "--review", str(review)], catch_exceptions=False)
    document = json.loads(second.output)
    assert (document["is_final"], document["decided"]) == (True, {"release": len(found.flagged)})
    assert (tmp_path / "final/bundle/index.html").is_file()
