"""A drill's signed report: an in-toto Statement with a test-result predicate, its signature, and a page for people."""

from __future__ import annotations

import html
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from portability.errors import ArchiveExistsError, FormatError, PortabilityError, SignatureError
from portability.escrow.drills.report import LEVELS, DrillReport, DrillStep
from portability.escrow.signed_files import read_bounded, signature_path
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS
from portability.manifest import to_json
from portability.sealing.contradictions import parse_time
from portability.signing import STATEMENT_NAMESPACE, Signer, SigningKey, Trust

__all__ = ["drill_page", "drill_statement", "read_drill", "write_drill"]

STATEMENT = "drill.json"
PAGE = "drill.html"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


def drill_statement(report: DrillReport) -> dict[str, Any]:
    """Return the statement as plain values: its subjects are the manifests of all deposits that were used."""
    steps = {o: [_test(s) for s in report.steps if s.outcome == o] for o in ("passed", "failed", "not run")}
    return {
        "_type": _STATEMENT_TYPE,
        "subject": [
            {"name": f"{each.sequence:06d}/manifest.json", "digest": {"sha256": each.manifest_sha256}}
            for each in report.deposits
        ],
        "predicateType": _PREDICATE_TYPE,
        "predicate": {
            "result": report.result,
            "configuration": [
                {
                    "name": "drill",
                    "annotations": {
                        "program": f"portability {metadata.version('portability')}",
                        **msgspec.to_builtins(report),
                    },
                }
            ],
            "passedTests": steps["passed"],
            "warnedTests": list(report.warnings),
            "failedTests": [*steps["failed"], *(f"{each} (not run)" for each in steps["not run"])],
        },
    }


def _test(step: DrillStep) -> str:
    return f"{step.level} {step.title}"


def write_drill(report: DrillReport, folder: Path, key: SigningKey | None) -> None:
    """Write ``drill.json``, its signature when there is a key, and ``drill.html`` into a new folder.

    Raises:
        ArchiveExistsError: The folder exists.
        PortabilityError: It cannot be written.
    """
    content = to_json(drill_statement(report))
    try:
        with new_folder(folder) as part:
            (part / STATEMENT).write_bytes(content)
            if key is not None:
                (part / f"{STATEMENT}.sig").write_bytes(key.sign(content, namespace=STATEMENT_NAMESPACE))
            (part / PAGE).write_text(drill_page(report), encoding="utf-8")
    except ArchiveExistsError:
        raise
    except OSError as error:
        raise PortabilityError(f"cannot write: {error.strerror or error}", place=str(folder)) from error


def read_drill(folder: Path, trust: Trust) -> tuple[DrillReport, Signer, bytes]:
    """Return the report that a drill left in a folder, who signed it, and its exact bytes.

    Raises:
        ConfigError: It is not there, or not signed.
        FormatError: It is no drill's report, or says one thing here and another there.
        SignatureError: The signature is wrong, or by nobody whom the trust file names at the drill's time.
    """
    path = folder / STATEMENT
    content = read_bounded(path)
    signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
    try:
        statement = msgspec.json.decode(content)
        annotations = statement["predicate"]["configuration"][0]["annotations"]
        report = msgspec.convert({k: v for k, v in annotations.items() if k != "program"}, DrillReport)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise FormatError("is no report of a drill", place=str(path)) from error
    at = parse_time(report.started_at)
    if not report.deposits or at is None:
        raise FormatError("does not say which deposit was tried, or when", place=str(path))
    if (contradiction := _contradiction(report, statement)) is not None:
        hint = "Nothing of it was kept. Ask whoever signed it for the report that the drill wrote."
        raise FormatError(f"contradicts itself: {contradiction}", place=str(path), hint=hint)
    try:
        return report, trust.verify(content, signature, namespace=STATEMENT_NAMESPACE, at=at), content
    except SignatureError as error:
        error.place = str(path)
        raise


def _contradiction(report: DrillReport, statement: dict[str, Any]) -> str | None:
    """Say what a report that was written by hand may have wrong: what it claims is not what its steps show."""
    expected, given = drill_statement(report), dict(statement)
    given["predicate"] = {name: value for name, value in given["predicate"].items() if name != "configuration"}
    del expected["predicate"]["configuration"]
    numbers = [each.sequence for each in report.deposits]
    failed = any(each.outcome != "passed" for each in report.steps)
    result = "FAILED" if failed else "WARNED" if report.warnings else "PASSED"
    took = {each.level for each in report.steps if each.outcome == "passed"}
    below = {*LEVELS[: LEVELS.index(report.level) + 1]} if report.level in LEVELS else set[str]()
    finished, began = parse_time(report.finished_at), parse_time(report.started_at)
    checks = {
        "there is no such level": bool(below),
        "the result is not that of its steps": report.result == result,
        "a level up to its own was not taken": failed or (bool(took) and below - {"v0"} <= took),
        "its deposits are not in their order": numbers == sorted({*numbers}),
        "it ended before it began": finished is not None and began is not None and began <= finished,
        "its statement says another thing than its report": given == expected,
    }
    return next((text for text, holds in checks.items() if not holds), None)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:0 0 2rem;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}td.n{text-align:right;white-space:nowrap}.passed{color:#06602b}.warned{color:#8a5a00}.failed{color:#a00}"
    "h1 small{font-weight:400;color:#555}"
)


def drill_page(report: DrillReport) -> str:
    """Return the report as one self-contained page that a partner can file."""
    facts = [
        ("Result", report.result),
        *(("Warning", each) for each in report.warnings),
        ("Agreement", report.agreement or "none"),
        ("Class", report.deposit_class),
        ("Deposits used", ", ".join(f"{d.sequence} ({d.kind})" for d in report.deposits)),
        ("Level", report.level),
        ("From", report.started_at),
        ("Until", report.finished_at),
        ("Signed by", report.signer or "nobody was named to compare with"),
        ("Recovery time, measured", _time(report.recovery_time_ms)),
        ("Recovery point: age of the data", _age(report.recovery_point_age_s)),
        ("Keys proven", ", ".join(report.proven) or "none"),
        ("Keys unproven: nobody knows whether these could open it", ", ".join(report.unproven) or "none"),
    ]
    if report.restored is not None:
        r = report.restored
        facts.append(("Restored", f"{r.tables:,} tables, {r.rows:,} rows into {r.dbms}"))
        agree = f"{r.totals_compared:,} compared, {r.totals_differing:,} differ, {r.totals_explained:,} explained"
        facts.append(("Control totals", agree))
    if report.built is not None:
        b = report.built
        seen = "not asked" if b.interfaces is None else ", ".join(b.interfaces) or "none"
        facts.append(("Build", f"{b.outcome}: {' '.join(b.command)} ({b.isolation}; network interfaces: {seen})"))
        facts += [(f"Built: {name}", sha256) for name, sha256 in sorted(b.produced.items())]
    rows = "".join(f"<tr><th>{_e(name)}</th><td>{_e(value)}</td></tr>" for name, value in facts)
    steps = "".join(
        f"<tr><td>{_e(s.level)}</td><td>{_e(s.title)}{''.join(f'<br>{_e(d)}' for d in s.details)}</td>"
        f'<td class="{s.outcome.split()[0]}">{_e(s.outcome)}</td><td class="n">{s.duration_ms:,} ms</td></tr>'
        for s in report.steps
    )
    hashes = "".join(f"<li>{d.sequence}: <code>{_e(d.manifest_sha256)}</code></li>" for d in report.deposits)
    return (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8"><title>Recovery drill</title>'
        f"<style>{_STYLE}</style></head><body><h1>Recovery drill "
        f'<small class="{report.result.lower()}">{_e(report.result)}'
        f"</small></h1>\n<table>{rows}</table>\n<h2>Steps</h2>\n<table>{steps}</table>\n"
        f"<h2>Manifests</h2>\n<ul>{hashes}</ul>\n</body></html>\n"
    )


def _time(value: int | None) -> str:
    return "not reached" if value is None else f"{value // 1000:,}.{value % 1000:03d} s"


def _age(seconds: int | None) -> str:
    if seconds is None:
        return "unknown: the deposit has no watermark"
    return f"{seconds // 86_400} days, {seconds % 86_400 // 3_600} hours, {seconds % 3_600 // 60} minutes"


def _e(value: object) -> str:
    return html.escape(str(value))
