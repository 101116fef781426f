"""A signed statement of a check: an in-toto Statement v1 with a test-result predicate v0.1, and its SSH signature.

The subject is manifest.json by its SHA-256, through which everything is meant that it lists. A statement is written
whatever the check found; its result says which. Both files appear together or not at all, and nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portability.checks.sealed.verifier import SEALED_STEPS
from portability.errors import ArchiveExistsError, ConfigError, SealError
from portability.folders import give_name
from portability.manifest import to_json
from portability.sealing.manifest import MANIFEST_JSON
from portability.signing import STATEMENT_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.checks.report import Report, StepRecord
    from portability.signing import SigningKey

__all__ = ["statement_of", "write_statement"]

_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_OUTCOMES = ("passed", "failed", "not run")
_NOBODY_TRUSTED = "X129"
_PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


def statement_of(report: Report, inputs: dict[str, bytes], *, at: datetime) -> dict[str, Any]:
    """Return the statement as plain values.

    Args:
        report: What a check of a sealed archive found.
        inputs: What it was checked against, by name (the trust file, say): their hashes are stated.
        at: When.

    Raises:
        SealError: There was no manifest to make a statement about.
    """
    subject = report.facts.get("manifest_sha256")
    if subject is None:
        raise SealError("there is no manifest.json that a statement could be about", place=report.name)
    done = [each for each in report.steps if not each.lacks]
    steps = {outcome: [_test(each) for each in done if each.outcome == outcome] for outcome in _OUTCOMES}
    warnings = _warnings(report)
    return {
        "_type": _STATEMENT_TYPE,
        "subject": [{"name": MANIFEST_JSON, "digest": {"sha256": subject}}],
        "predicateType": _PREDICATE_TYPE,
        "predicate": {
            "result": "FAILED" if not report.ok else "WARNED" if warnings else "PASSED",
            "configuration": _configuration(report, inputs, at),
            "passedTests": steps["passed"],
            "warnedTests": warnings,
            "failedTests": [*steps["failed"], *(f"{each} (not run)" for each in steps["not run"])],
        },
    }


def _warnings(report: Report) -> list[str]:
    """Return what whoever relies on the statement must look at: that nobody was trusted is more than a note to them."""
    found = [each for each in report.findings if each.severity == "warning" or each.code == _NOBODY_TRUSTED]
    untrusted = [f"{_test(each)} (not run: --trust was not given)" for each in report.steps if each.lacks == "trust"]
    return [*(f"{each.code} {each.text} ({each.place})" for each in found), *untrusted]


def _test(step: StepRecord) -> str:
    level, _ = SEALED_STEPS[step.number - 1]
    return f"{level} {step.number}. {step.title}"


def _configuration(report: Report, inputs: dict[str, bytes], at: datetime) -> list[dict[str, Any]]:
    """Describe the program, by its registry of codes, and everything that the check was given."""
    codes = resources.files("portability.checks").joinpath("codes.yaml").read_bytes()
    annotations = {
        "program": f"portability {metadata.version('portability')}",
        "level": report.level,
        "checked_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "errors": sorted(report.codes("error")),
        "warnings": sorted(report.codes("warning")),
        "notes": sorted(report.codes("note")),
        "not_run": [f"{_test(each)}: --{each.lacks} was not given" for each in report.steps if each.lacks],
        "facts": dict(report.facts),
        "signer": None if report.signer is None else report.signer.to_dict(),
        "totals": dict(report.totals),
    }
    program = {"name": "codes.yaml", "digest": _digest(codes), "annotations": annotations}
    return [program, *({"name": name, "digest": _digest(content)} for name, content in sorted(inputs.items()))]


def _digest(content: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(content).hexdigest()}


def write_statement(
    report: Report, path: Path, key: SigningKey, *, inputs: dict[str, bytes] | None = None, at: datetime | None = None
) -> Path:
    """Write a statement and, beside it, its signature; return the signature's path.

    Raises:
        ArchiveExistsError: One of the two is there already.
        ConfigError: They cannot be written there.
        SealError: There was no manifest to make a statement about.
    """
    content = to_json(statement_of(report, inputs or {}, at=at or datetime.now(UTC)))
    signature = key.sign(content, namespace=STATEMENT_NAMESPACE)
    check_signature(content, signature, namespace=STATEMENT_NAMESPACE)
    beside = path.with_name(f"{path.name}.sig")
    try:
        _write({beside: signature, path: content})
    except FileExistsError as error:
        hint = "Choose another name, or move the existing one away; nothing is overwritten."
        raise ArchiveExistsError("the statement exists", place=str(error.filename2 or path), hint=hint) from error
    except OSError as error:
        raise ConfigError(f"the statement cannot be written: {error.strerror}", place=str(path)) from error
    return beside


def _write(files: dict[Path, bytes]) -> None:
    """Write all under temporary names, then give each its own, which must be free."""
    written: list[tuple[Path, Path]] = []
    done: list[Path] = []
    try:
        for path, content in files.items():
            temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
            written.append((temporary, path))
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for temporary, path in written:
            give_name(temporary, path)
            done.append(path)
    except OSError:
        for path in done:
            path.unlink(missing_ok=True)
        raise
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
