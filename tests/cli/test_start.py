"""What a command imports before it does anything: a start costs as much as small work."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

# Command: libraries, and parts of ours, that it has no use for until an option or the data asks for them.
UNWANTED = {
    "exporting": "jsonschema sqlglot cryptography pyrage sqlalchemy portability.checks.verifier portability.sealing",
    "keys": "numpy pyarrow duckdb jsonschema sqlglot sqlalchemy portability.exports",
    "escrow_jobs": "numpy pyarrow duckdb jsonschema sqlglot sqlalchemy portability.exports",
}
IMPORTED = "import sys, portability.cli.{0}; print(*sys.modules)"
EXPORTED = """
import sys
from portability.cli import _run
assert _run(["export", *sys.argv[1:]]) == 0
print(*sys.modules)
"""


def imported(script: str, *arguments: str) -> set[str]:
    """Run a script that prints what it has imported last."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("module", UNWANTED)
def test_start_of_a_command_leaves_out_what_it_has_no_use_for(module: str) -> None:
    """Nobody waits for a library that this run does not need."""
    assert not imported(IMPORTED.format(module)) & set(UNWANTED[module].split())


def test_export_of_an_unknown_system_loads_no_parser_no_verifier_and_no_pandas(tmp_path: Path) -> None:
    """There is no map to trace, nothing to verify, and pyarrow is kept from loading pandas where it is installed."""
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, name TEXT)")
    database.close()
    found = imported(EXPORTED, f"sqlite:///{tmp_path / 't.db'}", str(tmp_path / "archive"))
    assert not found & {"pandas", "sqlglot", "jsonschema", "portability.checks.verifier", "cryptography"}
