"""Release from escrow, the part that only this program can do: release claim, handover, check, open.

Everything else of a release is recorded through `portability request` (docs/escrow_release.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.config import load_config
from portability.errors import ConfigError
from portability.escrow.chain_folders import needed_deposits
from portability.escrow.release.bundle import OpenBundle, check_bundle, open_bundle
from portability.presenting import escrow_release as presenting
from portability.sealing.identity_files import load_identities
from portability.sealing.recipients import parse_recipients
from portability.signing import Policy, forbid_core_files, load_trust

__all__ = ["release_group"]

_PATH = click.Path(path_type=Path)
vendors_option = click.option(
    "--trust",
    type=_PATH,
    required=True,
    metavar="FILE",
    help="Whose deposits count: the vendor's allowed_signers file.",
)
identity_option = click.option(
    "--identity",
    "identities",
    type=_PATH,
    multiple=True,
    required=True,
    metavar="FILE",
    help="A private key that opens. Give it again for each key that it takes.",
)


@click.group("release")
def release_group() -> None:
    """Hand a deposit over, for a request of kind escrow_release whose turn it is."""


@release_group.command("claim")
@click.argument("folder", type=_PATH)
@click.argument("agreement")
@click.option("--sequence", type=click.IntRange(min=1), metavar="N", help="Which deposit; the newest otherwise.")
@vendors_option
@as_json_option
def claim(folder: Path, agreement: str, *, sequence: int | None, trust: Path, as_json: bool) -> None:
    """Show what a request for a deposit has to say, and which deposits it takes.

    Example: portability escrow release claim depository alder --trust vendors
    """
    policy = Policy(trust=load_trust(trust))
    deposits = needed_deposits(folder / agreement, sequence=sequence, policy=policy)
    presenting.claimed(open_output(as_json), agreement, deposits)


@release_group.command("handover")
@click.argument("number")
@click.argument("bundle", type=_PATH)
@click.option("--folder", type=_PATH, required=True, metavar="DIR", help="The depository.")
@click.option(
    "--to", "recipient", required=True, metavar="NAME=KEY", help="The beneficiary's key: the one that was approved."
)
@identity_option
@vendors_option
@passphrase_option
@as_json_option
def handover(number: str, bundle: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own
    """Wrap the deposit's key for the beneficiary of request NUMBER and make the hand-over BUNDLE.

    Example: portability escrow release handover R-000001 bundle --folder depository --to firm=firm.pub
    --identity custodian --trust vendors
    """
    from portability.cli.registers import open_desk  # noqa: PLC0415 -- the service's libraries
    from portability.escrow.release.handover import HandOver, hand_over  # noqa: PLC0415

    output, config = open_output(as_json), load_config()
    forbid_core_files()
    (to,) = _one(options["recipient"])
    asker = passphrase_asker(options["passphrase_file"])
    with open_desk(None, options["passphrase_file"]) as desk:
        done = hand_over(
            HandOver(
                register=desk.register,
                number=number,
                folder=options["folder"],
                bundle=bundle,
                to=to,
                actor=desk.actor,
                policy=Policy(trust=load_trust(options["trust"])),
                identities=load_identities(options["identities"], passphrase=asker, limits=config.limits),
                limits=config.limits,
                progress=output.progress,
            )
        )
    presenting.handed_over(output, done)


def _one(text: str) -> Any:  # noqa: ANN401 -- one recipient
    found = parse_recipients([text])
    if len(found) != 1:
        raise ConfigError("a release is for one key", place="--to", hint="Give --to NAME=KEY.")
    return found


@release_group.command("check")
@click.argument("bundle", type=_PATH)
@click.option(
    "--releasers", type=_PATH, required=True, metavar="FILE", help="Whose release counts: an allowed_signers file."
)
@vendors_option
@as_json_option
def check(bundle: Path, *, releasers: Path, trust: Path, as_json: bool) -> None:
    """Check a hand-over BUNDLE without any key: who released it, and that every file is as it was signed.

    Example: portability escrow release check bundle --releasers agents --trust vendors
    """
    checked = check_bundle(bundle, releasers=load_trust(releasers), vendors=Policy(trust=load_trust(trust)))
    presenting.checked(open_output(as_json), bundle, checked)


@release_group.command("open")
@click.argument("bundle", type=_PATH)
@click.argument("archive", type=_PATH)
@identity_option
@click.option(
    "--releasers", type=_PATH, required=True, metavar="FILE", help="Whose release counts: an allowed_signers file."
)
@vendors_option
@passphrase_option
@as_json_option
def open_command(bundle: Path, archive: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Check a hand-over BUNDLE, open every deposit in it and assemble them into ARCHIVE.

    Example: portability escrow release open bundle archive --identity my-key --releasers agents --trust vendors
    """
    output, config = open_output(as_json), load_config()
    forbid_core_files()
    vendors = Policy(trust=load_trust(options["trust"]))
    checked = check_bundle(bundle, releasers=load_trust(options["releasers"]), vendors=vendors)
    asker = passphrase_asker(options["passphrase_file"])
    open_bundle(
        OpenBundle(
            bundle=bundle,
            destination=archive,
            identities=load_identities(options["identities"], passphrase=asker, limits=config.limits),
            vendors=vendors,
            limits=config.limits,
            progress=output.progress,
        ),
        checked.statement,
    )
    presenting.opened(output, archive, checked)
