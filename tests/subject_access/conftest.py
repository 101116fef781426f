"""A small archive with two people in it: Bob, who is a client, and Eve, who is on the other side of a matter of his."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from fixtures.minimal import entity_table, good_content
from fixtures.writing import write_archive
from portability.archive import Archive
from portability.model import load_model

EVE = """
contact:
- {id: k2, contact_type: person, display_name: Eve Mallory, given_name: Eve, family_name: Mallory}
- {id: k3, contact_type: person, display_name: Bob Example senior, merged_into_id: k1}
contact_point:
- {id: cp1, contact_id: k1, kind: email, is_primary: true, value: bob@example.org}
- {id: cp2, contact_id: k1, kind: phone, is_primary: true, value: '01632 960123'}
- {id: cp3, contact_id: k2, kind: email, is_primary: true, value: eve@example.org}
note:
- {id: n1, matter_id: m1, body: 'Eve Mallory will not settle. <script>alert(1)</script>'}
- {id: n2, contact_id: k2, body: 'Rang Bob Example on 01632 960123'}
- {id: n3, contact_id: k2, body: 'Nothing of interest'}
matter_party:
- {id: p3, matter_id: m1, contact_id: k2, party_role: other_side}
"""


def _more(content: Any) -> None:  # noqa: ANN401 -- of fixtures.writing
    for name, rows in yaml.safe_load(EVE).items():
        if name == "note":
            noted = {"note_type": "file_note", "body_format": "plain", "is_private": False}
            rows = [row | noted | {"noted_at": datetime(2020, 2, 3, 10, tzinfo=UTC)} for row in rows]  # noqa: PLW2901
        added = entity_table(load_model().entity(name), rows)
        known = content.entities.get(name)
        content.entities[name] = added if known is None else pa.concat_tables([known, added])


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The archive, written once."""
    content = good_content()
    _more(content)
    content.with_rules = False
    root: Path = tmp_path_factory.mktemp("people") / "archive"
    write_archive(content, root)
    return Archive.open(root)
