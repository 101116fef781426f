"""What every refusal is held to: an error of ours, nothing left behind, and no word of what was sealed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portability.errors import PortabilityError
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from tests.sealing.opening.stock import Key

CONTENT = b"what a client told their lawyer\n"


def refused(sealed: Path, scratch: Path, *keys: Key, **changes: Any) -> PortabilityError:  # noqa: ANN401 -- any field
    """Open, expect a refusal, and see that it leaves nothing."""
    scratch.mkdir(exist_ok=True)
    identities = load_identities([key.file for key in keys])
    request = OpenRequest(sealed=sealed, destination=scratch / "archive", identities=identities, workers=1)
    with pytest.raises(PortabilityError) as caught:
        open_sealed(replace(request, **changes))
    assert list(scratch.iterdir()) == []
    assert CONTENT.decode().strip() not in f"{caught.value} {caught.value.hint}"
    return caught.value
