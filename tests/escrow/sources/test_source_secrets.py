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
        pytest.param("win.ini", f"a=1\r\nk={AWS}\r\n".encode("utf-16"), 2, "AWS Access Key", id="in UTF-16"),
        pytest.param("win.ini", f"k={AWS}\n".encode("utf-16-le"), 1, "AWS Access Key", id="in UTF-16 without a mark"),
        pytest.param("mac.ini", f"k={AWS}\n".encode("utf-16-be"), 1, "AWS Access Key", id="in UTF-16, big end first"),
        pytest.param("x.ini", f"k={AWS}\n".encode("utf-32"), 1, "AWS Access Key", id="in UTF-32"),
        pytest.param("a.exe", b"MZ\0\1" * 99 + PEM.encode("utf-16-le"), 1, "Private key", id="amid a program"),
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


def test_scan_beyond_its_limits_stops_until_it_is_allowed() -> None:
    """Nobody knows that what was not looked into holds no secret: it takes a reason, and is counted."""
    few = replace(DEFAULT_LIMITS, scanned_blobs_max=2)
    targets = [ScanTarget(origin="p", path=name, content=b"x") for name in "abcd"]
    targets[1] = ScanTarget(origin="p", path="long", content=None)
    report = scan(iter(targets), (), few)
    assert (report.files, report.not_reached, report.too_long) == (2, 2, ["p/long"])
    beyond = "Beyond the scan's limits"
    kinds = {each.place: each.kind for each in report.stopping}
    assert kinds == {"p/long": "Too long to look into", "p/c": beyond, "p/d": beyond}
    allowed = [AllowedSecret(path="p/long", kind="Too long to look into", reason="a map of the town")]
    allowed.append(AllowedSecret(path="p/*", kind=beyond, reason="looked into by hand"))
    assert scan(iter(targets), allowed, few).stopping == []


def test_prepare_file_too_long_to_look_into_needs_an_allowance(shop: Shop) -> None:
    """A long dump may hold anything; with its reason it goes into the deposit, and stands there as not looked into."""
    shop.repository("portal", {**FILES, "dump.sql": b"-- nothing\n" * 200_000})
    with pytest.raises(ConfigError, match="was not looked into") as caught:
        shop.prepare()
    assert caught.value.details == ("portal/dump.sql Too long to look into",)
    allowed = [{"path": "portal/dump.sql", "kind": "Too long to look into", "reason": "made up data"}]
    report = json.loads((shop.prepare(allowed_secrets=allowed).root / "data/secrets.json").read_bytes())
    assert report["not_looked_into"] == {"beyond_the_limits": 0, "too_long": ["portal/dump.sql"]}


def test_prepare_secret_in_a_message_is_found(shop: Shop) -> None:
    """Messages of commits and of tags go with the history, on every branch."""
    shop.repository("portal", FILES)
    shop.git("portal", "checkout", "--quiet", "-b", "side")
    commit = shop.commit("portal", f"try it\n\nwith {AWS}")
    shop.git("portal", "checkout", "--quiet", "main")
    shop.git("portal", "tag", "--annotate", "--message", f"key {AWS}", "v1")
    tag = shop.git("portal", "rev-parse", "v1")
    with pytest.raises(ConfigError) as caught:
        shop.prepare()
    assert set(caught.value.details) == {
        f"portal/commit message:3 AWS Access Key (in history, {commit[:12]})",
        f"portal/tag message:1 AWS Access Key (in history, {tag[:12]})",
    }


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
