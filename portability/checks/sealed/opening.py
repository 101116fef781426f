"""Level v2, with a recipient's key: their envelopes open, the key inside is the promised one, random parts are there.

The catalog is read whole. Of the segments, random chunks are decrypted where they lie, and a few random segments are
unpacked and compared with the catalog; which ones, nobody can know beforehand. Plaintext stays in memory.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

from portability.checks.sealed.case import Expected, SealedStep
from portability.errors import DecryptionError, FormatError, SealError
from portability.sealing.catalog import CatalogError, segment_count
from portability.sealing.catalog_opening import iter_sealed_catalog
from portability.sealing.encryption import CHUNK_BYTES, decrypt_stream, deposit_identity, recipient_of
from portability.sealing.manifest import CATALOG, KEYS, SEGMENTS
from portability.sealing.payload import open_age
from portability.sealing.untar import TarReader

if TYPE_CHECKING:
    from portability.checks.sealed.case import SealedCase
    from portability.sealing.encryption import Identity
    from portability.sealing.manifest import Envelope
    from portability.sealing.payload import AgeReader

__all__ = ["STEPS"]

_CATALOG_CODES = {"malformed": "X312", "path": "X313", "large": "X314", "counts": "X315", "exchanged": "X145"}


def _check_envelopes(case: SealedCase) -> None:
    """Open every envelope that the given keys can open, and tell what nobody has proven yet."""
    mine = _keys_by_name(case)
    if not mine:
        case.log.add("X301", KEYS)
        return
    proven: set[str] = set()
    for envelope in case.manifest.envelopes:
        if mine.keys() >= set(envelope.recipients):
            proven |= _proven(case, envelope, mine)
    if len(mine) < case.manifest.threshold:
        case.log.add("X306", KEYS, [f"{len(mine)} of {case.manifest.threshold}"])
    unproven = sorted({each.name for each in case.manifest.recipients} - proven)
    case.facts |= {"proven_recipients": ", ".join(sorted(proven)) or "none"}
    if unproven:
        case.facts |= {"unproven_recipients": ", ".join(unproven)}
        case.log.add("X305", KEYS, unproven, count=len(unproven))


def _keys_by_name(case: SealedCase) -> dict[str, Identity]:
    names = {each.fingerprint: each.name for each in case.manifest.recipients}
    found = {recipient_of(each).fingerprint: each for each in case.request.identities}
    return {names[fingerprint]: each for fingerprint, each in found.items() if fingerprint in names}


def _proven(case: SealedCase, envelope: Envelope, mine: dict[str, Identity]) -> set[str]:
    """Return whose keys have been proven by opening an envelope to the committed key."""
    data = case.read(envelope.file)
    if hashlib.sha256(data).hexdigest() != _listed(case, envelope.file):
        case.log.add("X145", envelope.file, ["it was exchanged during the check"])
        return set()
    for name in envelope.recipients:
        try:
            layer = io.BytesIO()
            decrypt_stream(io.BytesIO(data), layer, [mine[name]])
            data = layer.getvalue()
        except DecryptionError:
            case.log.add("X302", envelope.file, [f"with the key of {name}"])
            return set()
    try:
        identity = deposit_identity(data)
    except DecryptionError:
        case.log.add("X303", envelope.file)
        return set()
    if _commitment(identity) != case.manifest.commitment:
        case.log.add("X304", envelope.file)
        return set()
    case.deposit = identity
    return set(envelope.recipients)


def _listed(case: SealedCase, path: str) -> str:
    return next(each.sha256 for each in case.manifest.files if each.path == path)


def _commitment(identity: Identity) -> str:
    return hashlib.sha256(recipient_of(identity).text.encode()).hexdigest()


def _check_catalog(case: SealedCase) -> None:
    """Read the catalog whole; keep only what it says of the segments that will be looked into."""
    segments = segment_count(case.manifest)
    chosen = secrets.SystemRandom().sample(range(segments), min(segments, case.limits.sampled_segments))
    case.sampled = {number: {} for number in sorted(chosen)}
    files = 0
    try:
        for entry in iter_sealed_catalog(case.container, case.manifest, case.deposit, case.limits):
            files += 1
            for piece in entry.pieces:
                if piece.segment in case.sampled:
                    sha256 = entry.sha256 if len(entry.pieces) == 1 else None
                    case.sampled[piece.segment][piece.member] = Expected(piece.size_bytes, sha256)
    except CatalogError as error:
        case.log.add(_CATALOG_CODES[error.reason], CATALOG, [error.message])
    except (DecryptionError, FormatError) as error:
        case.log.add("X311", CATALOG, [error.message])
    case.totals |= {"content files": files, "segments": segments}


def _opened(case: SealedCase, path: str) -> AgeReader:
    stream = case.container.open(path)
    try:
        return open_age(stream, [case.deposit])
    except BaseException:
        stream.close()
        raise


def _check_chunks(case: SealedCase) -> None:
    """Decrypt chunks at random places: each is authentic by itself, and any segment may be asked."""
    randomly = secrets.SystemRandom()
    segments = segment_count(case.manifest)
    for _ in range(case.limits.sampled_chunks):
        path = f"{SEGMENTS}/{randomly.randrange(segments):06d}.age"
        case.progress(path)
        try:
            with _opened(case, path) as plain:
                plain.seek(randomly.randrange(max(1, plain.length)) // CHUNK_BYTES * CHUNK_BYTES)
                plain.read(CHUNK_BYTES)
        except (DecryptionError, FormatError) as error:
            case.log.add("X321", path, [error.message])
    case.totals |= {"sampled chunks": case.limits.sampled_chunks}


def _check_segments(case: SealedCase) -> None:
    for number, expected in case.sampled.items():
        path = f"{SEGMENTS}/{number:06d}.age"
        case.progress(path)
        try:
            with _opened(case, path) as plain:
                _compare(case, path, plain, expected)
        except (DecryptionError, FormatError) as error:
            case.log.add("X321", path, [error.message])
        except (SealError, zstandard.ZstdError) as error:
            case.log.add("X322", path, [str(error)])
    case.totals |= {"sampled segments": len(case.sampled)}


def _compare(case: SealedCase, path: str, plain: AgeReader, expected: dict[str, Expected]) -> None:
    """Unpack one segment and compare each member with the catalog; nothing is written.

    Members are counted as well as bytes: a header without content packs to almost nothing.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=case.limits.zstd_window_bytes_max)
    unpacked = decompressor.stream_reader(cast("BinaryIO", plain), read_size=CHUNK_BYTES, read_across_frames=True)
    reader = TarReader(unpacked, case.limits)
    left, members, octets = dict(expected), 0, 0
    while member := reader.next():
        members, octets = members + 1, octets + member.size_bytes
        if octets > case.limits.segment_bytes_max or members > case.limits.segment_members_max:
            limits = f"{case.limits.segment_bytes_max} bytes or {case.limits.segment_members_max} files"
            case.log.add("X325", path, [f"more than {limits}"])
            return
        digest = hashlib.sha256()
        reader.copy(digest.update)
        wanted = left.pop(member.name, None)
        if wanted is None or wanted.size_bytes != member.size_bytes:
            case.log.add("X323", path, [member.name])
        elif wanted.sha256 is not None and digest.hexdigest() != wanted.sha256:
            case.log.add("X324", path, [member.name])
    for name in sorted(left):
        case.log.add("X323", path, [f"{name} is missing"])


STEPS = (
    SealedStep(title="Your envelopes open, and hold the key that the manifest commits to", check=_check_envelopes),
    SealedStep(title="The catalog opens and agrees with the manifest", check=_check_catalog),
    SealedStep(title="Chunks of segments at random places open", check=_check_chunks),
    SealedStep(title="Segments chosen at random hold what the catalog says", check=_check_segments),
)
