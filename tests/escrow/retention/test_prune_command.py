"""What the prune command refuses before it looks at anything."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from portability.cli.escrow_agent import prune_command


def test_prune_now_as_of_another_day_is_refused(tmp_path: Path) -> None:
    """A plan may be of any day; what deletes is of now, or a certificate would tell an untruth."""
    agreements = tmp_path / "agreements.yaml"
    agreements.write_text("agreements: {}\n", encoding="utf-8")
    options = ["--agreements", agreements, "--memory", tmp_path, "--execute", "--at", "2999-11-22T00:00:00Z"]
    done = CliRunner().invoke(prune_command, [str(each) for each in (tmp_path, *options)])
    assert done.exit_code == 2
    assert "--execute deletes now" in done.output
