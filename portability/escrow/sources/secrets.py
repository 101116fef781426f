"""The secrets scan: what looks like a secret in files and in their whole history, by place and kind, never by content.

Every detector of detect-secrets looks, but those that guess by entropy (every hash would be a finding) and that for IP
addresses; an author's own "allowlist" comments count for nothing here. Keys, key stores and files that hold credentials
by their name come on top. What could not be looked into is a finding too: nobody knows that it holds none. A finding
stops the deposit unless the job allows it, with a reason.
"""

from __future__ import annotations

import codecs
import fnmatch
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import AllowedSecret
from portability.limits import Limits

__all__ = ["ScanReport", "ScanTarget", "SecretFinding", "scan", "stale_allowances"]

_NOT_USED = {
    "Base64HighEntropyString",
    "HexHighEntropyString",
    "IPPublicDetector",
    "KeywordDetector",
    "PrivateKeyDetector",
}
_KEYS = (
    ("Private key", re.compile(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----\s*[\r\n]")),
    ("age identity", re.compile(rb"AGE-SECRET-KEY-1[A-Z0-9]{58}")),
    ("Google service account", re.compile(rb"\"private_key_id\"\s*:\s*\"[0-9a-f]{40}\"")),
    ("AWS secret key", re.compile(rb"(?i)aws_secret_access_key\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}\b")),
    ("Registry token", re.compile(rb"(?i)(?:_authToken|_password|_auth)\s*=\s*(?!\$\{)[^\s$]{8,}")),
)
_FILES = (
    ("Environment file", re.compile(r"\.env(?:\.(?!example|sample|template|dist|defaults?)[^/]*)?")),
    ("Private key file", re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?")),
    ("Key store", re.compile(r".*\.(?:p12|pfx|jks|keystore|kdbx|ppk)", re.IGNORECASE)),
    ("Credentials file", re.compile(r"\.(?:netrc|pgpass|pypirc|git-credentials|htpasswd|my\.cnf)")),
    ("Terraform state", re.compile(r".*\.tfstate(?:\.backup)?")),
)
_ASSIGNMENT = re.compile(rb"(?m)^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*\S")
_TOO_LONG, _BEYOND = "Too long to look into", "Beyond the scan's limits"
_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_BINARY_PROBE = 8_000  # as git: a NUL among the first of them makes a file binary
_LINE_CHARACTERS_MAX = 4_000  # of minified code at once; the detectors' expressions take quadratic time on longer ones
_LINE_OVERLAP = 400


@dataclass(frozen=True, kw_only=True)
class ScanTarget:
    """Bytes to look into: where they are from (origin/path), and in which version, when that is not the tip's."""

    origin: str
    path: str
    content: bytes | None  # None: too long to look into
    version: str = ""
    is_message: bool = False  # of a commit or tag


@dataclass(frozen=True, kw_only=True)
class SecretFinding:
    """Where something looks like a secret. ``line`` is 0 where the whole file is meant."""

    place: str  # origin/path
    line: int
    kind: str
    version: str = ""
    allowed: str | None = None  # the job's reason


@dataclass(kw_only=True)
class ScanReport:
    """What was looked into, what was not, and what was found; ``findings`` are all up to the limit."""

    files: int = 0
    versions: int = 0
    messages: int = 0
    size_bytes: int = 0
    binary: int = 0
    too_long: list[str] = field(default_factory=list)
    not_reached: int = 0
    findings: list[SecretFinding] = field(default_factory=list)
    findings_total: int = 0

    @property
    def stopping(self) -> list[SecretFinding]:
        """The findings that no allowance covers."""
        return [each for each in self.findings if each.allowed is None]


def scan(targets: Iterator[ScanTarget], allowed: Sequence[AllowedSecret], limits: Limits) -> ScanReport:
    """Look into all targets, within the limits; what is too long, or beyond them, is a finding of its own kind.

    Raises:
        ConfigError: The library is not installed.
    """
    report, detectors = ScanReport(), _detectors()
    for target in targets:
        if _seen(report) >= limits.scanned_blobs_max or report.size_bytes >= limits.scanned_bytes_max:
            report.not_reached += 1
            _record(report, target, 0, _BEYOND, allowed, limits)
            continue
        _count(report, target)
        if target.content is None:
            report.too_long.append(f"{target.origin}/{target.path}")
            _record(report, target, 0, _TOO_LONG, allowed, limits)
            continue
        report.size_bytes += len(target.content)
        content = _as_utf8(target.content)
        report.binary += b"\0" in content[:_BINARY_PROBE]
        for line, kind in sorted(set(_find(target, content, detectors))):
            _record(report, target, line, kind, allowed, limits)
    return report


def _seen(report: ScanReport) -> int:
    return report.files + report.versions + report.messages


def _count(report: ScanReport, target: ScanTarget) -> None:
    if target.is_message:
        report.messages += 1
    elif target.version:
        report.versions += 1
    else:
        report.files += 1


def _record(
    report: ScanReport, target: ScanTarget, line: int, kind: str, allowed: Sequence[AllowedSecret], limits: Limits
) -> None:
    place = f"{target.origin}/{target.path}"
    reason = next((each.reason for each in allowed if covers(each, place, kind)), None)
    report.findings_total += 1
    # What stops the deposit is never crowded out of the list by what does not.
    room = limits.scan_findings_max * (2 if reason is None else 1)
    if len(report.findings) < room:
        found = SecretFinding(place=place, line=line, kind=kind, version=target.version, allowed=reason)
        report.findings.append(found)


def covers(allowance: AllowedSecret, place: str, kind: str) -> bool:
    """Tell whether an allowance is for a finding. ``**`` and ``*`` stand for any characters, as in a shell's glob."""
    same_kind = allowance.kind is None or allowance.kind.lower() == kind.lower()
    return same_kind and fnmatch.fnmatchcase(place, allowance.path.replace("**", "*"))


def stale_allowances(report: ScanReport, allowed: Sequence[AllowedSecret]) -> list[str]:
    """Return the allowances that nothing needs any more."""
    return [
        each.path for each in allowed if not any(covers(each, found.place, found.kind) for found in report.findings)
    ]


# --- looking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Detectors:
    """The library's detectors, each with expressions that find a superset of its findings in a whole file at once."""

    regular: tuple[tuple[Any, tuple[re.Pattern[str], ...]], ...]
    keyword: Any
    keyword_words: re.Pattern[str]
    filters: Any


def _detectors() -> _Detectors:
    try:
        settings = importlib.import_module("detect_secrets.settings")
        scanning = importlib.import_module("detect_secrets.core.scan")
        keyword = importlib.import_module("detect_secrets.plugins.keyword")
        filters = importlib.import_module("detect_secrets.filters.heuristic")
    except ImportError:
        hint = "pip install 'portability[service]'"
        raise ConfigError("the secrets scanner's library is not installed", hint=hint) from None
    with settings.default_settings():
        plugins = [each for each in scanning.get_plugins() if type(each).__name__ not in _NOT_USED]
    return _Detectors(
        regular=tuple(
            (each, tuple(re.compile(p.pattern, p.flags | re.MULTILINE) for p in each.denylist)) for each in plugins
        ),
        keyword=keyword.KeywordDetector(),
        keyword_words=re.compile("|".join(keyword.DENYLIST), re.IGNORECASE),
        filters=filters,
    )


def _as_utf8(content: bytes) -> bytes:
    """Return text of UTF-16 or UTF-32 as UTF-8, with a byte order mark or Latin without one; all else as it is."""
    encoding = next((name for mark, name in _BOMS if content.startswith(mark)), None)
    even, odd = content[0:_BINARY_PROBE:2], content[1:_BINARY_PROBE:2]
    if encoding is None and odd.count(0) > len(odd) // 2 and 0 not in even:
        encoding = "utf-16-le"
    elif encoding is None and even.count(0) > len(even) // 2 and 0 not in odd:
        encoding = "utf-16-be"
    return content if encoding is None else content.decode(encoding, "replace").encode("utf-8", "replace")


def _find(target: ScanTarget, content: bytes, detectors: _Detectors) -> Iterator[tuple[int, str]]:
    yield from _by_name(target, content)
    is_binary = b"\0" in content[:_BINARY_PROBE]
    # Programs and documents of Windows hold texts of two bytes a letter amid other things.
    views = (content, content.replace(b"\0", b"")) if b"\0" in content else (content,)
    for kind, pattern in _KEYS:
        for view in views:
            for found in pattern.finditer(view):
                yield view.count(b"\n", 0, found.start()) + 1, kind
    if is_binary:
        return
    text = content.decode("utf-8", "replace")
    lines = [(number, piece) for number, line in enumerate(text.split("\n"), 1) for piece in _pieces(line)]
    has_long = any(len(piece) == _LINE_CHARACTERS_MAX for _, piece in lines)
    for plugin, patterns in detectors.regular:
        if has_long or any(pattern.search(text) for pattern in patterns):
            yield from _by_line(plugin, lines, target)
    if detectors.keyword_words.search(text):
        yield from _by_keyword(detectors, lines, target)


def _pieces(line: str) -> Iterator[str]:
    """Yield a line, or a very long one in pieces that overlap by more than a key's length."""
    step = _LINE_CHARACTERS_MAX - _LINE_OVERLAP
    for start in range(0, max(1, len(line) - _LINE_OVERLAP), step):
        yield line[start : start + _LINE_CHARACTERS_MAX]


def _by_name(target: ScanTarget, content: bytes) -> Iterator[tuple[int, str]]:
    name = PurePosixPath(target.path).name
    for kind, pattern in _FILES:
        if pattern.fullmatch(name) and content.strip():
            if kind == "Environment file" and not _ASSIGNMENT.search(content):
                continue
            yield 0, kind


def _by_line(plugin: Any, lines: Sequence[tuple[int, str]], target: ScanTarget) -> Iterator[tuple[int, str]]:  # noqa: ANN401
    for number, line in lines:
        for found in plugin.analyze_line(filename=target.path, line=line, line_number=number):
            yield number, str(found.type)


def _by_keyword(
    detectors: _Detectors, lines: Sequence[tuple[int, str]], target: ScanTarget
) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        if not detectors.keyword_words.search(line):
            continue
        for found in detectors.keyword.analyze_line(filename=target.path, line=line, line_number=number):
            if not _is_no_value(detectors, str(found.secret_value or ""), line):
                yield number, str(found.type)


def _is_no_value(detectors: _Detectors, value: str, line: str) -> bool:
    """The library's own rules for what stands where a password would and is none: a variable, a placeholder."""
    filters = detectors.filters
    return bool(
        filters.is_not_alphanumeric_string(value)
        or filters.is_templated_secret(value)
        or filters.is_prefixed_with_dollar_sign(value)
        or filters.is_sequential_string(value)
        or filters.is_indirect_reference(line)
    )
