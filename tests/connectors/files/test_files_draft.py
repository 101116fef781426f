"""The schema file that is drafted for a folder of delimited files: what it says of types, and of what does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from portability.connectors import open_connector
from portability.connectors.files_draft import draft_schema

if TYPE_CHECKING:
    from pathlib import Path


def draft(folder: Path, content: str) -> str:
    """Return the schema file that is drafted for one file."""
    (folder / "t.csv").write_text(content)
    return draft_schema(open_connector(f"csv:///{folder}"))


def said(text: str, column: str) -> str:
    """Return the comment on a column."""
    (line,) = [line for line in text.splitlines() if f'"{column}"' in line]
    return line.partition("  # ")[2]


def test_draft_is_a_schema_file_and_names_the_types_that_all_values_fit(tmp_path: Path) -> None:
    """Types stand in comments; what the file declares is text."""
    text = draft(tmp_path, "id,born,phone\n1,1999-12-31,0171 1\n2,2000-01-01,0171 2\n")
    assert said(text, "id") == "all 2 values fit type: integer"
    assert said(text, "born") == "all 2 values fit type: date"
    assert said(text, "phone") == ""
    (table,) = yaml.safe_load(text)["tables"].values()
    assert {column["type"] for column in table["columns"]} == {"text"}


def test_draft_of_a_column_with_one_odd_value_says_so_and_does_not_show_it(tmp_path: Path) -> None:
    """Most are dates; the one that is not is told by its shape, since it is a client's."""
    text = draft(tmp_path, "born\n31.12.1999\n1.2.2000\nca. 1977\n")
    assert said(text, "born") == '2 of 3 values are dates written %d.%m.%Y, 1 not: of the shape "aa. 9999"'
    assert "1977" not in text


def test_draft_of_a_column_of_names_says_nothing(tmp_path: Path) -> None:
    """That two names in ten look like numbers means nothing."""
    names = "Ann\nBob\nCy\nDee\nEve\n1"
    assert said(draft(tmp_path, f"name\n{names}\n"), "name") == ""
