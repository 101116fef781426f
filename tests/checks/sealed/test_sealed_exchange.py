"""A sealed archive that somebody changes while it is checked: what is stated is what was verified."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.bad_sealed import CONTENT
from fixtures.sealing import Deposit, Person, seal
from portability.checks.sealed import verify_sealed
from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.catalog_opening import iter_sealed_catalog
from portability.sealing.container import open_container
from portability.sealing.encryption import parse_identities
from portability.sealing.reading import parse_manifest
from tests.checks.sealed.conftest import MakeRequest

TRUSTED = {"trust": "allowed_signers"}
MALLORY = Person("mallory")


def deposit(folder: Path, **changes: object) -> Path:
    """Seal the small content as source code, so that level v3 ends with the sealed form."""
    return seal(Deposit(content=dict(CONTENT), deposit_class="source", **changes), folder)  # type: ignore[arg-type]


def when(title: str, act: Callable[[], object]) -> Callable[[str], None]:
    """Return a progress that acts when a step begins."""
    return lambda text: act() if title in text else None  # type: ignore[return-value]


def put_over(source: Path, target: Path, name: str = "") -> None:
    """Put a file, or all files, in the place of those that are there."""
    if name:
        shutil.copyfile(source / name, target / name)
    else:
        shutil.copytree(source, target, dirs_exist_ok=True)


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("form", ["directory", "tar"])
def test_verify_manifest_exchanged_before_its_signature_is_stated_as_it_was_verified(
    make_request: MakeRequest, tmp_path: Path, form: str
) -> None:
    """The fact that a statement is about is the hash of the bytes whose signature was checked, not of others."""
    trusted = deposit(tmp_path / "trusted", form=form)
    place = deposit(tmp_path / "place", form=form, signer=MALLORY, sealed_at="2026-03-02T09:00:01Z")
    begun = deposit(tmp_path / "begun", form=form, signer=MALLORY, sealed_at="2026-03-02T09:00:01Z")

    def exchange() -> None:
        shutil.copyfile(trusted, place) if form == "tar" else put_over(trusted, place)

    progress = when("signature is right", exchange)
    report = verify_sealed(place, level="v0", request=make_request(TRUSTED), progress=progress)
    verified = deposit(tmp_path / "again")
    assert report.ok
    assert report.facts["manifest_sha256"] == sha256(verified / "manifest.json")
    if form == "directory":
        assert report.facts["manifest_sha256"] != sha256(begun / "manifest.json")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"signer": MALLORY}, "trust"), ({"sealed_at": "2026-03-02T09:00:01Z"}, "exchanged during the check")],
    ids=["by_a_stranger", "by_the_same_sender"],
)
def test_verify_archive_exchanged_before_it_is_opened_is_refused(
    make_request: MakeRequest, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    """What level v3 opens is the archive that the levels below verified, and nobody else's."""
    place, other = deposit(tmp_path / "place"), deposit(tmp_path / "other", **changes)
    (tmp_path / "staging").mkdir()
    report = verify_sealed(
        place,
        level="v3",
        request=make_request(TRUSTED | {"identity": "alice.key"}),
        staging=tmp_path / "staging",
        progress=when("Everything opens", lambda: put_over(other, place)),
    )
    assert report.codes("error") == {"X401"}
    assert any(said in example for each in report.findings for example in each.examples)
    assert list((tmp_path / "staging").iterdir()) == []


def _forged(found: list[dict[str, object]]) -> list[dict[str, object]]:
    return [each | {"sha256": "0" * 64} for each in found]


EXCHANGED: dict[str, tuple[str, str, dict[str, object]]] = {
    "catalog_by_another_recipient": ("catalog.age", "The catalog opens", {"edit_entries": _forged}),
    "catalog_with_junk": ("catalog.age", "The catalog opens", {"edit_catalog": lambda _: b"junk"}),
    "envelope_with_another_key": ("keys/alice.age", "Your envelopes open", {"seed": "another"}),
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_verify_file_exchanged_before_it_is_decrypted_is_no_fault_of_the_sender(
    make_request: MakeRequest, tmp_path: Path, name: str
) -> None:
    """Whoever has the deposit's key could write a catalog: the one that counts is the one that was signed."""
    file, step, changes = EXCHANGED[name]
    place, other = deposit(tmp_path / "place"), deposit(tmp_path / "other", **changes)
    request = make_request(TRUSTED | {"identity": "alice.key"})
    progress = when(step, lambda: put_over(other, place, file))
    report = verify_sealed(place, level="v2", request=request, progress=progress)
    assert report.codes("error") == {"X145"}
    assert {each.place for each in report.findings if each.code == "X145"} == {file}


def test_iter_sealed_catalog_exchanged_between_two_passes_is_refused(tmp_path: Path) -> None:
    """Each pass over the catalog compares the bytes that it reads itself."""
    place, other = deposit(tmp_path / "place"), deposit(tmp_path / "other", edit_entries=_forged)
    manifest = parse_manifest((place / "manifest.json").read_bytes())
    (own,) = parse_identities(Person("deposit deposit").identity.encode())
    with open_container(place, DEFAULT_LIMITS) as container:
        assert len(list(iter_sealed_catalog(container, manifest, own))) == len(CONTENT)
        put_over(other, place, "catalog.age")
        with pytest.raises(SealError, match="exchanged"):
            list(iter_sealed_catalog(container, manifest, own))
