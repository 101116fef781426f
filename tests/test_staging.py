"""Private folders of many runs in one place: each keeps its own, and what killed runs left is gone."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from portability.staging import PREFIX, open_staging

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
import sys
from pathlib import Path
from portability.staging import open_staging
for _ in range(300):
    with open_staging(Path(sys.argv[1])) as staging:
        (staging.path / "plaintext").write_text("mine")
        assert (staging.path / "plaintext").read_text() == "mine"
"""


def test_runs_that_sweep_one_place_at_once_never_take_each_others_folder(tmp_path: Path) -> None:
    """A folder that is swept before it is locked is made anew; one that is held stays."""
    runs = [subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)]) for _ in range(4)]
    assert [run.wait(120) for run in runs] == [0, 0, 0, 0]
    assert not list(tmp_path.iterdir())


def test_folder_that_nobody_holds_is_swept(tmp_path: Path) -> None:
    """As a killed run leaves it."""
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / "plaintext").touch()
    with open_staging(tmp_path) as staging:
        assert list(tmp_path.iterdir()) == [staging.path]
