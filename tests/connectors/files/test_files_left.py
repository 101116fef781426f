"""What a killed run leaves of a client's files is removed by the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from portability.connectors import open_connector

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SCRIPT = """
import sys, time
from portability.connectors import open_connector
with open_connector(sys.argv[1]).snapshot() as snapshot:
    (table,) = snapshot.discover().tables
    snapshot.plan(table)
    print("copied", flush=True)
    time.sleep(600)
"""


def test_private_copy_of_a_killed_run_is_swept_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is in clear: it outlives neither an export that ends nor, for long, one that is killed."""
    folder, place = tmp_path / "export", tmp_path / "tmp"
    folder.mkdir()
    place.mkdir()
    (folder / "client.csv").write_text("id,name\n1,Ann Owen\n", encoding="utf-8")
    url = f"csv:///{folder}"
    command = [sys.executable, "-c", SCRIPT, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(place)}) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"copied\n"
        run.send_signal(signal.SIGKILL)
    assert list(place.iterdir())
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with open_connector(url).snapshot() as snapshot:
        snapshot.discover()
    assert not list(place.iterdir())
