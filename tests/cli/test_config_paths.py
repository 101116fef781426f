"""What portability.yaml names lies beside it, wherever a command is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from portability.config import load_config


def test_config_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One catalogue for all folders that a command is run in; an absolute path stays what it is."""
    file = tmp_path / "portability.yaml"
    file.write_text("catalogue: sqlite:///c.db\nevidence: evidence\noperator_key: /keys/ann\n", encoding="utf-8")
    monkeypatch.setenv("PORTABILITY_CONFIG", str(file))
    monkeypatch.chdir("/")
    config = load_config()
    assert config.catalogue == f"sqlite:///{tmp_path}/c.db"
    assert config.evidence == f"{tmp_path}/evidence"
    assert config.operator_key == "/keys/ann"
