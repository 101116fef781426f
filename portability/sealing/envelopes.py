"""Envelopes: the deposit's identity, wrapped for each group of recipients that can open together.

For a threshold of one an age file for each recipient; for K, an age file within an age file for each K of them, the
first name's layer outermost. No cryptography of our own, and stock age opens them layer by layer.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence

from portability.sealing.contradictions import envelope_for
from portability.sealing.encryption import Identity, encrypt_stream
from portability.sealing.manifest import Envelope
from portability.sealing.recipients import NamedRecipient

__all__ = ["iter_envelopes"]


def iter_envelopes(
    identity: Identity, recipients: Sequence[NamedRecipient], threshold: int
) -> Iterator[tuple[Envelope, bytes]]:
    """Yield each envelope with its file's bytes, in order of its path."""
    by_name = {one.name: one for one in recipients}
    groups = itertools.combinations(sorted(by_name), threshold)
    for envelope in sorted((envelope_for(group) for group in groups), key=lambda each: each.file):
        content = f"{identity.secret}\n".encode()
        for name in reversed(envelope.recipients):
            sink = io.BytesIO()
            encrypt_stream(io.BytesIO(content), sink, [by_name[name].key])
            content = sink.getvalue()
        yield envelope, content
