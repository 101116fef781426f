"""Every code against the archives made for it: the folder's name is the expectation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures import bad_sealed
from fixtures.bad_signatures import sign
from fixtures.build import VECTORS, Builder, build_all, expected_codes
from fixtures.exported import export_small_source
from fixtures.signers import ALLOWED_SIGNERS, ANN
from fixtures.vectors import Vector
from portability.checks import load_codes, require, verify
from portability.errors import CheckFailedError
from portability.limits import DEFAULT_LIMITS
from portability.signing import Policy
from portability.signing.trust import parse_trust

POLICY = Policy(trust=parse_trust(ALLOWED_SIGNERS.encode(), "allowed_signers"))
NOT_SIGNED = "C161"  # a note that every unsigned archive raises


def _parameters() -> Iterator[Any]:
    for vector in VECTORS:
        # A rule's vector writes and checks a whole canonical layer; test_rules.py tries the same SQL without files.
        marks = [pytest.mark.slow] if load_codes()[vector.code].rule else []
        yield pytest.param(vector, id=vector.name, marks=marks)


@pytest.mark.parametrize("vector", list(_parameters()))
def test_verify_bad_archive_raises_its_code_and_no_other(builder: Builder, vector: Vector) -> None:
    """A bad archive raises the code that it is named for, those that this implies, and nothing else."""
    limits = replace(DEFAULT_LIMITS, **vector.limits)
    signer = POLICY if vector.trusting else None
    level = load_codes()[vector.code].level
    report = verify(builder.build(vector), level=level, signer=signer, scope=vector.scope, limits=limits)
    expected = {*expected_codes(vector)}
    assert report.codes() - ({NOT_SIGNED} - expected) == expected
    assert report.ok is not any(load_codes()[code].severity == "error" for code in expected)


def test_codes_without_a_bad_archive_say_why() -> None:
    """Each code has a bad archive, or is reserved, or the registry says why there is none; never both."""
    built = {vector.code for vector in VECTORS} | {vector.code for vector in bad_sealed.VECTORS}
    for code in load_codes().values():
        assert (code.code in built) is not (code.reserved or bool(code.no_vector)), code.code


def test_bad_archives_have_names_of_their_own() -> None:
    """No two bad archives share a folder."""
    names = [vector.name for vector in VECTORS]
    assert sorted(names) == sorted(set(names))


def test_verify_good_archive_is_clean_at_every_level(builder: Builder) -> None:
    """The good archive raises nothing but the note that it is not signed, and every other step than trust's is done."""
    for level in ("quick", "full", "deep"):
        report = verify(builder.good, level=level)
        assert report.codes() == {NOT_SIGNED}
        done = {step.outcome for step in report.steps if step.lacks != "trust"}
        assert (done, report.not_given) == ({"passed"}, {"trust": (3, 10)})
        assert require(report).level == level


def test_verify_signed_archive_by_a_named_signer_raises_nothing(builder: Builder, tmp_path: Path) -> None:
    """Signed by somebody who is trusted at that time, an archive has no remark at any level, and says who signed."""
    shutil.copytree(builder.good, tmp_path / "signed")
    sign(tmp_path / "signed", ANN)
    report = verify(tmp_path / "signed", level="deep", signer=POLICY)
    assert report.codes() == set()
    signer = require(report).signer
    assert signer is not None
    assert (signer.principals, signer.fingerprint) == ("ann@firm.example", ANN.fingerprint)


def test_verify_export_of_a_small_source_is_accepted(tmp_path: Path) -> None:
    """What an export without a profile leaves is sound to the bottom; its broken reference is a warning."""
    export_small_source(tmp_path / "archive")
    report = verify(tmp_path / "archive", level="deep")
    assert report.ok
    assert report.codes() == {NOT_SIGNED, "L493", "S306"}


def test_verify_good_archive_leaves_it_untouched(builder: Builder) -> None:
    """A check writes nothing into the archive."""
    before = sorted((path, path.stat().st_mtime_ns) for path in builder.good.rglob("*"))
    verify(builder.good, level="deep")
    assert sorted((path, path.stat().st_mtime_ns) for path in builder.good.rglob("*")) == before


def test_require_bad_archive_raises_with_the_report(builder: Builder) -> None:
    """Whoever wants a verified archive gets an error that carries the whole report."""
    (vector,) = [each for each in VECTORS if each.name == "C154_flipped_bit"]
    report = verify(builder.build(replace(vector, what="required")), level="quick")
    with pytest.raises(CheckFailedError, match="C154") as caught:
        require(report)
    assert caught.value.report is report


def test_build_all_writes_an_index_for_other_verifiers(tmp_path: Path) -> None:
    """The index tells each archive's level, codes and limits, so that any verifier can be tried against it."""
    (vector,) = [each for each in VECTORS if each.name == "C107_too_many_files"]
    build_all(tmp_path / "archives", [vector], sealed=())
    expected = {"archive": "bad/C107_too_many_files", "level": "quick", "raises": ["C107"]}
    index = json.loads((tmp_path / "archives/vectors.json").read_text())
    assert index == [expected | {"limits": {"manifest_lines_max": 20}}]
    assert (tmp_path / "archives/bad/C107_too_many_files/bagit.txt").is_file()


def test_good_archive_has_the_same_payload_when_it_is_built_again(builder: Builder, tmp_path: Path) -> None:
    """Two builds give the same bytes."""
    again = Builder(tmp_path).good
    assert (again / "manifest-sha256.txt").read_bytes() == (builder.good / "manifest-sha256.txt").read_bytes()
