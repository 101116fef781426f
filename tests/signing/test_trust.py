"""Trust files: the same verdict as ssh-keygen on each line, a sentence for each fault, rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.signing import (
    ARCHIVE_NAMESPACE,
    STATEMENT_NAMESPACE,
    Refusal,
    SignatureRefusedError,
    judged_at,
    load_signing_key,
    load_trust,
)
from portability.signing.allowed_signers import matches_patterns
from portability.signing.trust import parse_trust
from tests.signing.conftest import SshKeygen

CONTENT = b"content\n"
AT = datetime(2026, 6, 15, 12, 30, 15, tzinfo=UTC)

# Name, the line (ANN and BOB are keys), who must have signed, and why it is refused; None when it is not.
LINES: list[tuple[str, str, str, Refusal | None]] = [
    ("plain", "ann ANN", "ann", None),
    ("with comment", "ann ANN a comment, of words", "ann", None),
    ("indented", "  ann\tANN", "ann", None),
    ("comments and empty lines", "# one\n\n   \nann ANN\n#two", "ann", None),
    ("no final line feed", "# one\nann ANN", "ann", None),
    ("several principals", "bob,ann ANN", "ann", None),
    ("wildcard principal", "*@firm.example ANN", "ann@firm.example", None),
    ("question marks", "a?? ANN", "ann", None),
    ("question mark too few", "a? ANN", "ann", Refusal.OTHER_PRINCIPAL),
    ("negated principal", "*,!ann ANN", "ann", Refusal.OTHER_PRINCIPAL),
    ("negated other", "!bob,* ANN", "ann", None),
    ("principal in quotes", '"ann" ANN', "ann", None),
    ("principals know upper case", "Ann ANN", "ann", Refusal.OTHER_PRINCIPAL),
    ("other principal", "bob ANN", "ann", Refusal.OTHER_PRINCIPAL),
    ("unknown key", "ann BOB", "ann", Refusal.UNKNOWN_SIGNER),
    ("second line", "ann BOB\nann ANN", "ann", None),
    ("namespace", f'ann namespaces="{ARCHIVE_NAMESPACE}" ANN', "ann", None),
    ("namespace pattern", 'ann namespaces="legal-*" ANN', "ann", None),
    ("several namespaces", f'ann namespaces="git,{ARCHIVE_NAMESPACE}" ANN', "ann", None),
    ("other namespace", 'ann namespaces="git" ANN', "ann", Refusal.NOT_FOR_NAMESPACE),
    ("negated namespace", f'ann namespaces="*,!{ARCHIVE_NAMESPACE}" ANN', "ann", Refusal.NOT_FOR_NAMESPACE),
    ("no namespace at all", 'ann namespaces="" ANN', "ann", Refusal.NOT_FOR_NAMESPACE),
    ("option in upper case", 'ann NAMESPACES="git" ANN', "ann", Refusal.NOT_FOR_NAMESPACE),
    ("other line has the namespace", 'ann namespaces="git" ANN\nann ANN', "ann", None),
    ("valid after earlier", 'ann valid-after="20260101Z" ANN', "ann", None),
    ("valid after this second", 'ann valid-after="20260615123015Z" ANN', "ann", None),
    ("valid after next second", 'ann valid-after="20260615123016Z" ANN', "ann", Refusal.NOT_YET_VALID),
    ("valid before later", 'ann valid-before="20270101Z" ANN', "ann", None),
    ("valid before this second", 'ann valid-before="20260615123015Z" ANN', "ann", None),
    ("valid before last second", 'ann valid-before="20260615123014Z" ANN', "ann", Refusal.EXPIRED),
    ("valid before this minute", 'ann valid-before="202606151230Z" ANN', "ann", Refusal.EXPIRED),
    ("local time", 'ann valid-before="20260614" ANN', "ann", Refusal.EXPIRED),
    ("in between", 'ann valid-after="20260101Z",valid-before="20261231Z",namespaces="legal-*" ANN', "ann", None),
    ("expired, then renewed", 'ann valid-before="20250101Z" ANN\nann valid-after="20260101Z" ANN', "ann", None),
]


@pytest.mark.parametrize(("line", "principal", "expected"), [c[1:] for c in LINES], ids=[c[0] for c in LINES])
def test_verify_line_gives_the_verdict_of_ssh_keygen(
    ssh_keygen: SshKeygen, tmp_path: Path, line: str, principal: str, expected: Refusal | None
) -> None:
    """Each line admits or refuses as OpenSSH does at the same moment, and a refusal says why."""
    text = line.replace("ANN", ssh_keygen.line("ann")).replace("BOB", ssh_keygen.line("bob"))
    signature = load_signing_key(str(ssh_keygen.key("ann"))).sign(CONTENT, namespace=ARCHIVE_NAMESPACE)
    options = ("-I", principal, "-n", ARCHIVE_NAMESPACE, "-O", f"verify-time={AT:%Y%m%d%H%M%SZ}")
    assert ssh_keygen.accepts(tmp_path, text, CONTENT, signature, *options) is (expected is None)
    trust = parse_trust(text.encode(), "signers")
    if expected is None:
        assert trust.verify(CONTENT, signature, namespace=ARCHIVE_NAMESPACE, at=AT, principal=principal).at == AT
        return
    with pytest.raises(SignatureRefusedError) as caught:
        trust.verify(CONTENT, signature, namespace=ARCHIVE_NAMESPACE, at=AT, principal=principal)
    assert (caught.value.reason, caught.value.place) == (expected, "signers")


FAULTS = [
    ("no key", "ann", "needs principals"),
    ("key only", "ANN", "not base64|not a public key|option"),
    ("not base64", "ann ssh-ed25519 AAAA!", "base64"),
    ("cut key", "ann ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHFy", "key"),
    ("two kinds", "ann ssh-rsa REST", "one kind of key and holds another"),
    ("unknown kind", "ann ssh-x AAAABXNzaC14", "not known"),
    ("authority", "ann cert-authority ANN", "certificate authority"),
    ("authority among others", 'ann namespaces="x",CERT-AUTHORITY ANN', "certificate authority"),
    ("unknown option", 'ann no-touch="x" ANN', "not known"),
    ("option without quotes", "ann namespaces=x ANN", "cannot be read"),
    ("option without value", "ann namespaces ANN", "not known"),
    ("open quotes", 'ann namespaces="x ANN', "cannot be read"),
    ("option twice", 'ann namespaces="x",namespaces="y" ANN', "twice"),
    ("no such day", 'ann valid-after="20260231Z" ANN', "does not exist"),
    ("no time", 'ann valid-after="tomorrow" ANN', "not YYYYMMDD"),
    ("empty time", 'ann valid-after="" ANN', "not YYYYMMDD"),
    ("other digits", 'ann valid-after="٢٠٢٦٠١٠١Z" ANN', "not YYYYMMDD"),
    ("ends first", 'ann valid-after="20270101Z",valid-before="20260101Z" ANN', "before it begins"),
    ("mark in a name", "\ufeffann ANN", "invisible"),
    ("other direction in a name", "ann\u202e@firm.example ANN", "invisible"),
    ("nobody", "# ann ANN\n", "names nobody"),
    ("empty", "", "names nobody"),
]


@pytest.mark.parametrize(("text", "sentence"), [c[1:] for c in FAULTS], ids=[c[0] for c in FAULTS])
def test_load_trust_faulty_line_is_refused_by_its_number(
    ssh_keygen: SshKeygen, tmp_path: Path, text: str, sentence: str
) -> None:
    """One line that cannot be read refuses the file, whatever the others say; the key is not repeated."""
    ann = ssh_keygen.line("ann")
    text = text.replace("ANN", ann).replace("REST", ann.split()[1])
    (tmp_path / "signers").write_text(text if "nobody" in sentence else f"ann {ann}\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_trust(tmp_path / "signers")
    assert "nobody" in sentence or caught.value.place.endswith("signers, line 2")
    assert ann.split()[1] not in f"{caught.value} {caught.value.hint}"


def test_load_trust_keys_of_other_kinds_may_stand_beside(ssh_keygen: SshKeygen) -> None:
    """A list that other programs use too may hold keys that sign nothing here."""
    dsa = "AAAAB3NzaC1kc3M="
    text = f"ann {ssh_keygen.line('ann')}\nold ssh-dss {dsa}\n"
    assert len(parse_trust(text.encode(), "signers").signers) == 2


def test_load_trust_what_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    """A file of the wrong kind, or without end."""
    for content in (b"ann \xff\xfe\n", b"#" * (DEFAULT_LIMITS.trust_file_bytes_max + 1)):
        (tmp_path / "signers").write_bytes(content)
        with pytest.raises(ConfigError):
            load_trust(tmp_path / "signers")
    with pytest.raises(ConfigError, match="cannot read the trust file"):
        load_trust(tmp_path / "none")


def test_matches_patterns_costs_no_more_than_its_length() -> None:
    """A pattern of stars does not hang."""
    assert not matches_patterns("a" * 2_000, "*a" * 500 + "b")
    assert matches_patterns("a" * 2_000, "*a" * 500)


def test_trust_rotated_key_keeps_what_it_signed_and_signs_no_more(ssh_keygen: SshKeygen) -> None:
    """Ann's key was retired at the end of June and Bob's took over: May by Ann stands, July by Ann does not."""
    text = (
        f'firm valid-before="20260630235959Z" {ssh_keygen.line("ann")}\n'
        f'firm valid-after="20260601Z" {ssh_keygen.line("bob")}\n'
    )
    trust = parse_trust(text.encode(), "signers")
    signatures = {
        name: load_signing_key(str(ssh_keygen.key(name))).sign(CONTENT, namespace=ARCHIVE_NAMESPACE)
        for name in ("ann", "bob")
    }

    def verdict(name: str, month: int) -> str:
        at = judged_at(datetime(2026, month, 15, tzinfo=UTC), verify_time=None)
        try:
            trust.verify(CONTENT, signatures[name], namespace=ARCHIVE_NAMESPACE, at=at)
        except SignatureRefusedError as error:
            return error.reason.value
        return "trusted"

    found = {(name, month): verdict(name, month) for name in ("ann", "bob") for month in (5, 6, 7)}
    assert found == {
        ("ann", 5): "trusted",
        ("ann", 6): "trusted",
        ("ann", 7): "expired",
        ("bob", 5): "not yet valid",
        ("bob", 6): "trusted",
        ("bob", 7): "trusted",
    }


def test_judged_at_believes_the_signed_time_unless_told_better() -> None:
    """What the bytes say, what the verifier knows, and never a time that has not come."""
    claimed, received = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert judged_at(claimed) == claimed
    assert judged_at(claimed, verify_time=received) == received
    for late, known in ((datetime.now(UTC) + timedelta(days=2), None), (received + timedelta(days=2), received)):
        with pytest.raises(SignatureRefusedError) as caught:
            judged_at(late, verify_time=known)
        assert caught.value.reason is Refusal.FROM_THE_FUTURE


def test_verify_without_a_moment_means_now(ssh_keygen: SshKeygen) -> None:
    """As ssh-keygen does."""
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y%m%d%H%M%SZ}"
    trust = parse_trust(f'ann valid-before="{yesterday}" {ssh_keygen.line("ann")}\n'.encode(), "signers")
    signature = ssh_keygen.sign("ann", CONTENT, namespace=STATEMENT_NAMESPACE)
    with pytest.raises(SignatureRefusedError, match="no longer valid"):
        trust.verify(CONTENT, signature, namespace=STATEMENT_NAMESPACE, at=None)


@pytest.mark.parametrize("first", ["", "# signers\n"])
def test_load_trust_with_a_byte_order_mark_is_refused(ssh_keygen: SshKeygen, tmp_path: Path, first: str) -> None:
    """The mark would become part of the first name, as it does for ssh-keygen; the sentence says how to mend it."""
    (tmp_path / "signers").write_bytes(b"\xef\xbb\xbf" + f"{first}ann {ssh_keygen.line('ann')}\n".encode())
    with pytest.raises(ConfigError, match="byte order mark") as caught:
        load_trust(tmp_path / "signers")
    assert "without a byte order mark" in (caught.value.hint or "")
