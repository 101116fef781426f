"""The secrets scan: what it finds, in files and in history, what it says of it, and how a finding may pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from portability.errors import ConfigError
from portability.escrow.jobs import AllowedSecret
from portability.escrow.sources.secrets import ScanTarget, scan
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import new_identity
from tests.escrow.sources.conftest import Shop

FILES: dict[str, str | bytes] = {"BUILD.md": "x", "LICENSE": "y"}
AWS = "AKIA" + "IOSFODNN7QRSTUVW"
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow" * 12 + "\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("path", "content", "line", "kind"),
    [
        pytest.param("conf/aws.py", f"x = 1\nkey = '{AWS}'\n", 2, "AWS Access Key", id="a cloud key"),
        pytest.param("tls/server.crt", PEM, 1, "Private key", id="a private key"),
        pytest.param("notes.md", f"\n\n{new_identity().secret}\n", 3, "age identity", id="an age identity"),
        pytest.param(".env", "DATABASE_URL=postgresql://x\n", 0, "Environment file", id="an environment file"),
        pytest.param("deploy/.env.production", "A=b\n", 0, "Environment file", id="one of production"),
        pytest.param("home/id_ed25519", "x", 0, "Private key file", id="a key by its name"),
        pytest.param("a.p12", b"\0\1\2", 0, "Key store", id="a key store"),
        pytest.param(".npmrc", "//r.example/:_authToken=abcdefgh12345\n", 1, "Registry token", id="a registry token"),
        pytest.param("app.py", 'db_password = "correct-horse-7"\n', 1, "Secret Keyword", id="a password in code"),
        pytest.param(
            "url.py", "u = 'https://ann:hunter22@h.example/'\n", 1, "Basic Auth Credentials", id="in an address"
        ),
        pytest.param("app.min.js", "x" * 9_000 + f"'{AWS}'", 1, "AWS Access Key", id="in a very long line"),
        pytest.param(
            "app.py",
            'db_password = "correct-horse-7"  # pragma: allowlist secret\n',
            1,
            "Secret Keyword",
            id="waved through",
        ),
    ],
)
def test_scan_finds_by_line_and_kind(path: str, content: str | bytes, line: int, kind: str) -> None:
    """Place and kind are said, and never the secret."""
    raw = content.encode() if isinstance(content, str) else content
    report = scan(iter([ScanTarget(origin="portal", path=path, content=raw)]), (), DEFAULT_LIMITS)
    assert (line, kind) in {(each.line, each.kind) for each in report.stopping}
    assert AWS not in repr(report)
    assert "horse" not in repr(report)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param(".env.example", "DATABASE_URL=\nKEY=replace me\n", id="an example"),
        pytest.param("app.py", "password = os.environ['PASSWORD']\n", id="from the environment"),
        pytest.param("app.py", "password = get_password()\n", id="from a call"),
        pytest.param("conf.yaml", "password: ${PASSWORD}\n", id="a variable"),
        pytest.param("sums.txt", "3f786850e387550fdab836ed7e6dc881de23001b3f786850e387550fdab836ed\n", id="a hash"),
        pytest.param("key.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ\n", id="a public key"),
    ],
)
def test_scan_what_is_no_secret_passes(path: str, content: str) -> None:
    """A scan that cries at everything is soon allowed everything."""
    targets = iter([ScanTarget(origin="portal", path=path, content=content.encode())])
    assert scan(targets, (), DEFAULT_LIMITS).findings == []


def test_scan_beyond_its_limits_is_counted() -> None:
    """What was not looked into is said, by name where it is one file."""
    few = replace(DEFAULT_LIMITS, scanned_blobs_max=2)
    targets = [ScanTarget(origin="p", path=name, content=b"x") for name in "abcd"]
    targets[1] = ScanTarget(origin="p", path="long", content=None)
    report = scan(iter(targets), (), few)
    assert (report.files, report.not_reached, report.too_long) == (2, 2, ["p/long"])


def test_prepare_secret_stops_the_deposit_and_lists_all(shop: Shop) -> None:
    """Every place with its kind, and nothing of what stands there."""
    shop.repository("portal", {**FILES, "conf/aws.py": f"\nkey = '{AWS}'\n", ".env": "A=b\n"})
    with pytest.raises(ConfigError, match="looks like a secret") as caught:
        shop.prepare()
    assert set(caught.value.details) == {"portal/conf/aws.py:2 AWS Access Key", "portal/.env Environment file"}
    assert AWS not in f"{caught.value}{caught.value.hint}"


def test_prepare_secret_that_was_deleted_is_found_in_history(shop: Shop) -> None:
    """Whoever opens the deposit reads every version; another branch's and an LFS object's count too."""
    shop.repository("portal", {**FILES, "conf/aws.py": f"key = '{AWS}'\n"})
    blob = shop.git("portal", "rev-parse", "HEAD:conf/aws.py")
    (shop.root / "portal/conf/aws.py").unlink()
    shop.commit("portal", "take it out")
    with pytest.raises(ConfigError) as caught:
        shop.prepare()
    assert caught.value.details == (f"portal/conf/aws.py:1 AWS Access Key (in history, {blob[:12]})",)


def test_prepare_allowed_secret_passes_with_its_reason_on_record(shop: Shop) -> None:
    """The reason goes with the deposit; an allowance that nothing needs is shown."""
    shop.repository("portal", {**FILES, "tests/data/aws.py": f"key = '{AWS}'\n"})
    allowed = [
        {"path": "portal/tests/**", "kind": "AWS Access Key", "reason": "the documentation's example key"},
        {"path": "portal/old/**", "reason": "these were revoked in 2020"},
    ]
    bag = shop.prepare(allowed_secrets=allowed)
    report = json.loads((bag.root / "data/secrets.json").read_bytes())
    found = report["findings"][0]
    assert (found["place"], found["line"], found["allowed"]) == (
        "portal/tests/data/aws.py",
        1,
        "the documentation's example key",
    )
    assert report["allowances_unused"] == ["portal/old/**"]
    assert AWS not in (bag.root / "data/secrets.json").read_text(encoding="utf-8")


def test_scan_allowance_of_another_kind_allows_nothing() -> None:
    """A reason for a password is none for a private key beside it."""
    targets = [ScanTarget(origin="portal", path="a.py", content=PEM.encode())]
    allowed = (AllowedSecret(path="portal/a.py", kind="Secret Keyword", reason="made up"),)
    assert [each.kind for each in scan(iter(targets), allowed, DEFAULT_LIMITS).stopping] == ["Private key"]
