"""OPEN.md and open.sh, which lie in every sealed archive: how to open it without this program.

``open.sh`` is the same in every archive; ``OPEN.md`` names the recipients and depends on the manifest's ``recipients``,
``threshold``, ``envelopes``, ``sealed_at``, ``deposit_id`` and number of segments, and on nothing else.
"""

from __future__ import annotations

from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from portability.sealing.manifest import OPEN_MD, OPEN_SH, SEGMENTS

if TYPE_CHECKING:
    from portability.sealing.manifest import SealedManifest

__all__ = ["open_md", "open_sh"]

_TEMPLATES = resources.files(__package__) / "templates"


def open_sh() -> bytes:
    """Return the script; it reads everything it needs from manifest.json."""
    return (_TEMPLATES / OPEN_SH).read_bytes()


def open_md(manifest: SealedManifest) -> bytes:
    """Return the page for whoever has to open this archive, in twenty years too."""
    rows = [f"| {each.name} | {each.kind} | {each.fingerprint} |" for each in manifest.recipients]
    segments = sum(each.path.startswith(f"{SEGMENTS}/") for each in manifest.files)
    values = {
        "sealed_at": manifest.sealed_at,
        "deposit_id": manifest.deposit_id,
        "who": _who(manifest),
        "recipients": "\n".join(rows),
        "names": "\n".join(
            [f"{_variable(n)}=/path/to/{_which(n)}" for n in _numbers(manifest)] + ["out=/path/to/opened"]
        ),
        "keys": " ".join(f'"${_variable(n)}"' for n in _numbers(manifest)),
        "envelope": _envelope(manifest),
        "unwrap": "\n".join(_unwrap(manifest)),
        "segments": "1 segment" if segments == 1 else f"{segments} segments",
    }
    text = (_TEMPLATES / OPEN_MD).read_text(encoding="utf-8")
    return Template(text).substitute(values).encode()


def _numbers(manifest: SealedManifest) -> range:
    return range(1, manifest.threshold + 1)


def _variable(number: int) -> str:
    return f"key{number}"


def _which(number: int) -> str:
    return f"private-key-{number}"


def _who(manifest: SealedManifest) -> str:
    if manifest.threshold == 1:
        return "Each of these keys opens it alone:"
    return f"It takes {manifest.threshold} of these keys together; no fewer open it:"


def _envelope(manifest: SealedManifest) -> str:
    example = manifest.envelopes[0].file
    if manifest.threshold == 1:
        return (
            "The deposit has a key of its own, wrapped once for each recipient in `keys/`. Yours carries your name in\n"
            f"the table above; the commands say `{example}`. `$key1` is your private key: an age identity file, or an\n"
            "OpenSSH private key."
        )
    return (
        "The deposit has a key of its own, wrapped in `keys/` once for each group of recipients who can open it\n"
        "together, one layer inside the other. Take the file with your names; the commands say\n"
        f"`{example}`. Its first name is the outermost layer: `$key1` is that recipient's private key,\n"
        "`$key2` the next one's, and so on. Each can open their layer on a machine of their own and hand on what\n"
        "comes out."
    )


def _unwrap(manifest: SealedManifest) -> list[str]:
    layers = [f'"{manifest.envelopes[0].file}"'] + [f'"$work/layer{number}"' for number in _numbers(manifest)]
    layers[-1] = '"$work/deposit.key"'
    return [
        f'age -d -i "${_variable(number)}" -o {layers[number]} {layers[number - 1]}' for number in _numbers(manifest)
    ]
