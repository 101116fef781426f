"""Every code of family X against the sealed archives made for it: the name is the expectation."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.bad_sealed import CONTENT, VECTORS, SealedVector, build_sealed, build_vector
from fixtures.build import Builder
from fixtures.sealing import SENDER, Deposit, seal
from portability.checks import SEALED_LEVELS, load_codes
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.errors import PortabilityError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.opening import OpenRequest, open_sealed
from tests.checks.sealed.conftest import MakeRequest

NOBODY_TRUSTED = "X129"  # a note wherever nobody was given to trust
TRUSTED = {"trust": "allowed_signers"}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_verify_bad_sealed_archive_raises_its_code_and_no_other(
    world: Path, archive: dict[str, bytes], make_request: MakeRequest, vector: SealedVector
) -> None:
    """A bad sealed archive raises the code that it is named for, those that come with it, and nothing else."""
    root = build_vector(vector, world, archive)
    level = vector.level or load_codes()[vector.code].level
    limits = replace(DEFAULT_LIMITS, **vector.limits)
    report = verify_sealed(root, level=level, request=make_request(vector.given), limits=limits)
    expected = {vector.code, *vector.also}
    assert report.codes() - ({NOBODY_TRUSTED} - expected) == expected
    assert report.ok is not any(load_codes()[code].severity == "error" for code in expected)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.code > "X2"], ids=lambda vector: vector.name)
def test_verify_what_a_lying_sender_signed_passes_the_levels_below(
    world: Path, archive: dict[str, bytes], make_request: MakeRequest, vector: SealedVector
) -> None:
    """What is wrong from level v1 on was signed by the trusted sender as it is: the levels below accept it."""
    root = build_vector(replace(vector, what=f"{vector.what}_below"), world, archive)
    below = SEALED_LEVELS[SEALED_LEVELS.index(load_codes()[vector.code].level) - 1]
    request = make_request(TRUSTED | {"identity": "alice.key"} if below == "v2" else TRUSTED)
    assert verify_sealed(root, level=below, request=request, limits=replace(DEFAULT_LIMITS, **vector.limits)).ok


# What a recipient may open all the same: it needs another's word (an earlier manifest, those agreed), or harms the
# sender's accuracy and not the content.
OPENS_ALL_THE_SAME = {
    "X128_from_the_future_untrusted",
    *(each.name for each in VECTORS if each.code[:3] == "X15" or each.code == "X211"),
    "X223_other_kind_of_key",  # another recipient's envelope
    "X223_other_ssh_key",
    "X224_sender_can_read_too",
    "X225_other_length",
    "X226_short_envelope",
    "X402_archive_is_damaged",  # it opens to what was sealed
    *(vector.name for vector in VECTORS if vector.code == "X405"),  # so does an index; assembling refuses it
}
REFUSED = [v for v in VECTORS if load_codes()[v.code].severity == "error" and v.name not in OPENS_ALL_THE_SAME]


@pytest.mark.parametrize("vector", REFUSED, ids=lambda vector: vector.name)
def test_open_bad_sealed_archive_is_refused_and_leaves_nothing(
    world: Path, make_request: MakeRequest, tmp_path: Path, vector: SealedVector
) -> None:
    """Whoever opens without checking first is refused too, and nothing stands where the archive should."""
    root = build_vector(replace(vector, what=f"{vector.what}_opened"), world, CONTENT)
    given = make_request({"identity": "alice.key"} | vector.given)
    limits = replace(DEFAULT_LIMITS, **vector.limits)
    request = OpenRequest(
        sealed=root,
        destination=tmp_path / "out",
        identities=given.identities,
        policy=given.policy,
        limits=limits,
        workers=1,
    )
    with pytest.raises(PortabilityError) as caught:
        open_sealed(request)
    assert "unexpected" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_sealed_archives_have_names_of_their_own() -> None:
    """No two share a folder."""
    names = [vector.name for vector in VECTORS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("level", [*SEALED_LEVELS[:3], pytest.param("v3", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["sealed", "sealed.tar", "sealed_2_of_3"])
def test_verify_good_sealed_archive_is_clean_at_every_level(
    good: dict[str, Path], make_request: MakeRequest, name: str, level: str
) -> None:
    """Good ones raise nothing but notes: keys that were not tried, an archive inside that is not signed."""
    request = make_request(TRUSTED | {"identity": "alice.key bob.key"})
    report = verify_sealed(good[name], level=level, request=request)
    unproven = {"X305"} if name == "sealed_2_of_3" and level in ("v2", "v3") else set()
    assert report.codes() == unproven | ({"C161"} if level == "v3" else set())
    unasked = {step.title for step in report.steps if step.outcome != "passed"}
    above_v0 = {"The recipients are those that were agreed"} if level != "v0" else set()
    assert unasked == {"It follows from the manifest before it"} | above_v0
    assert report.ok


def test_seal_of_the_fixtures_opens_with_stock_tools(small: Path, tmp_path: Path) -> None:
    """What the fixtures' own writer makes is what age, zstd, tar and ssh-keygen read: it is no dialect of ours."""
    for person in Deposit(content={}).people:
        key, deposit = tmp_path / person.name, tmp_path / f"{person.name}.deposit"
        key.write_text(person.identity)
        key.chmod(0o600)
        deposit.write_bytes(stock("age", "-d", "-i", key, small / f"keys/{person.name}.age"))
        packed = stock("age", "-d", "-i", deposit, small / "segments/000000.age")
        assert stock("tar", "xO", "files/bagit.txt", given=stock("zstd", "-d", given=packed)) == CONTENT["bagit.txt"]


def stock(program: str, *arguments: object, given: bytes = b"") -> bytes:
    """Run a stock tool and return what it writes."""
    command = [shutil.which(program) or program, *map(str, arguments)]
    return subprocess.run(command, input=given, check=True, capture_output=True).stdout


def test_build_sealed_tells_other_verifiers_what_to_expect(tmp_path: Path, builder: Builder) -> None:
    """The index names level, codes and the files that each is checked against; two builds give the same bytes."""
    vectors = [each for each in VECTORS if each.name in ("X125_stranger", "X113_huge_manifest")]
    index = [list(build_sealed(tmp_path / name, builder.good, vectors)) for name in ("one", "two")]
    assert (
        index[0]
        == index[1]
        == [
            {
                "archive": "bad/X113_huge_manifest",
                "level": "v0",
                "raises": ["X113"],
                "limits": {"json_bytes_max": 1000},
            },
            {
                "archive": "bad/X125_stranger",
                "level": "v0",
                "raises": ["X125"],
                "given": {"trust": "inputs/allowed_signers"},
            },
        ]
    )
    for path in (tmp_path / "one").rglob("*.json*"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
    assert json.loads((tmp_path / "one/good/sealed/manifest.json").read_bytes())["threshold"] == 1


def test_verify_sealed_archive_sealed_by_its_checker_is_judged_at_its_own_time(tmp_path: Path) -> None:
    """A sealed archive stays sound after its signer's key has expired: the time of sealing counts."""
    deposit = Deposit(content=dict(CONTENT), sealed_at="2025-06-01T00:00:00Z", signer=SENDER)
    root = seal(deposit, tmp_path / "old")
    assert verify_sealed(root, level="v1", request=SealedRequest()).ok
