"""Recipients as people give them: every way that works, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import new_identity, recipient_of
from portability.sealing.recipients import check_threshold, parse_recipients
from tests.sealing.conftest import Custodian, run

Keys = dict[str, Custodian]


def fresh(name: str = "ann") -> str:
    """A recipient with a key of its own."""
    return f"{name}={recipient_of(new_identity()).text}"


@pytest.mark.parametrize(
    "give",
    [
        lambda one, _: one.option,
        lambda one, folder: f"{one.name}={_file(folder / 'key.pub', one.public)}",
        lambda one, folder: f"{one.name}={_file(folder / 'a=b.pub', '# a comment', '', one.public)}",
        lambda one, folder: str(_file(folder / "recipients", "# who", f"{one.name} {one.public}", "")),
    ],
    ids=["text", "file", "file with comments", "list"],
)
@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_parse_recipients_every_way_gives_the_same(
    name: str, give: Callable[[Custodian, Path], str], custodians: Keys, tmp_path: Path
) -> None:
    """A key as text, in a file of its own or in a list is the same recipient."""
    (found,) = parse_recipients([give(custodians[name], tmp_path)])
    assert (found.name, found.key.text) == (name, " ".join(custodians[name].public.split()[:2]))


def _file(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_parse_recipients_are_returned_by_name(custodians: Keys) -> None:
    """Their order on the command line changes nothing."""
    found = parse_recipients([custodians["cat"].option, custodians["ann"].option])
    assert [one.name for one in found] == ["ann", "cat"]


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
@pytest.mark.parametrize("where", ["name=text", "text", "name=file", "list"])
def test_parse_recipients_private_key_is_refused_and_never_repeated(
    name: str, where: str, custodians: Keys, tmp_path: Path
) -> None:
    """Whoever gives the private half by mistake is told so, in words that do not hold it."""
    secret = custodians[name].file.read_text(encoding="utf-8")
    line = next((each for each in secret.splitlines() if each.startswith("AGE-SECRET")), secret)
    given = {
        "name=text": f"me={line}",
        "text": line,
        "name=file": f"me={custodians[name].file}",
        "list": str(_file(tmp_path / "list", f"me {line}")),
    }[where]
    with pytest.raises(ConfigError, match="private key") as caught:
        parse_recipients([given])
    said = f"{caught.value} {caught.value.hint}"
    assert not [word for word in secret.split() if len(word) > 20 and word in said]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "there is no recipient"),
        (["ann="], "cannot be read"),
        (["nowhere"], "cannot be read"),
        (["ann=nowhere.pub"], "cannot be read"),
        (["Ann=age1x"], "not a name"),
        (["a+b=age1x"], "not a name"),
        ([f"{'a' * 33}=age1x"], "not a name"),
        (["../x=age1x"], "not a name"),
        (["ann=age1x"], "not a recipient's key"),
        (["ann=age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"], "not a recipient's key"),
        (["ann=ssh-ed25519"], "not a recipient's key"),
        (["ann=ssh-ed25519 AAAA"], "not a recipient's key"),
        (["ann=ssh-rsa !!!!"], "not a recipient's key"),
        (["ann=ssh-dss AAAAB3NzaC1kc3M="], "not a recipient's key"),
    ],
)
def test_parse_recipients_what_is_none_is_refused(
    given: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mistake has its sentence."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=says):
        parse_recipients(given)


@pytest.mark.parametrize(("kind", "bits"), [("rsa", "1024"), ("ecdsa", "256")])
def test_parse_recipients_weak_or_foreign_key_is_refused(kind: str, bits: str, tmp_path: Path) -> None:
    """RSA below 2048 bits and kinds that age has not are no recipients."""
    run("ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", tmp_path / "key")
    with pytest.raises(ConfigError, match="not a recipient's key") as caught:
        parse_recipients([f"ann={tmp_path / 'key.pub'}"])
    assert "2048" in caught.value.hint


def test_parse_recipients_same_name_or_key_twice_is_refused(custodians: Keys) -> None:
    """One key under two names would open alone what is meant to take two."""
    with pytest.raises(ConfigError, match="two recipients"):
        parse_recipients([fresh(), fresh()])
    with pytest.raises(ConfigError, match="same key as ann"):
        parse_recipients([custodians["ann"].option, f"zoe={custodians['ann'].public}"])


def test_parse_recipients_too_many_are_refused() -> None:
    """There is a limit, and it has a number."""
    with pytest.raises(ConfigError, match="limit of 20"):
        parse_recipients([fresh(f"r{number}") for number in range(21)])


@pytest.mark.parametrize(
    ("number", "threshold", "says"),
    [
        (2, 3, "there are 2 recipients"),
        (2, 0, "threshold is 0"),
        (6, 6, "limit of 5"),
        (12, 5, "792 envelopes"),
    ],
)
def test_check_threshold_that_cannot_be_met_is_refused(number: int, threshold: int, says: str) -> None:
    """More than there are, none, too deep, or too many envelopes."""
    recipients = parse_recipients([fresh(f"r{each}") for each in range(number)])
    with pytest.raises(ConfigError, match=says):
        check_threshold(recipients, threshold, DEFAULT_LIMITS)


def test_check_threshold_names_that_fill_an_envelopes_name_are_refused() -> None:
    """An envelope carries the names of those who open it, and a tar header has 100 characters."""
    recipients = parse_recipients([fresh(f"{each}{'x' * 31}") for each in "abc"])
    check_threshold(recipients, 2, DEFAULT_LIMITS)
    with pytest.raises(ConfigError, match="too long together"):
        check_threshold(recipients, 3, DEFAULT_LIMITS)
