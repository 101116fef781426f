"""CSV on the Web: the examples of the W3C's recommendations, told of a law firm; kept exactly or refused aloud."""
# ruff: noqa: DTZ001, ANN401 -- naive times are what is read; metadata is any JSON

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portability.connectors import open_connector
from portability.errors import ConfigError, PortabilityError, SourceDataError
from portability.manifest import SourceSchema

CONTEXT = "http://www.w3.org/ns/csvw"
# The recommendation's trees: titles in the header, names in the metadata, dates as Americans write them.
FILINGS = """No,On File,Court,Step,Filed On
1,ADDISON v. EMERSON,King's Bench,Claim,10/18/2010
2,Re WINDSOR,,Reply,6/2/2010
"""
COLUMNS: list[dict[str, Any]] = [
    {
        "name": "no",
        "titles": ["No", "Number"],
        "dc:description": "A filing's number.",
        "datatype": "string",
        "required": True,
    },
    {"name": "on_file", "titles": {"en": "On File", "fr": "Dossier"}, "datatype": "string"},
    {"name": "court", "titles": "Court", "datatype": "string"},
    {"name": "step", "titles": "Step", "datatype": "string"},
    {"name": "filed_on", "titles": "Filed On", "datatype": {"base": "date", "format": "M/d/yyyy"}},
]


def opened(
    folder: Path, table: str = "t", *, schema: str = ""
) -> tuple[dict[str, list[Any]], dict[str, bytes], SourceSchema]:
    """Return a table's columns, its ledger (column and first key) and what was discovered."""
    with open_connector(f"csv:///{folder}{schema}").snapshot() as snapshot:
        found = snapshot.discover()
        (wanted,) = [each for each in found.tables if each.name == table]
        plan = snapshot.plan(wanted)
        rows: dict[str, list[Any]] = {name: [] for name in plan.schema.names}
        for batch in snapshot.read(plan):
            for name in rows:
                rows[name] += batch.column(name).to_pylist()
        ledger = {f"{each.column}:{'/'.join(map(str, each.key))}": each.raw for each in snapshot.exceptions(plan)}
        return rows, ledger, found


def described(folder: Path, metadata: dict[str, Any], name: str = "csv-metadata.json", **files: str) -> Path:
    """Write metadata into a folder, and the files that it describes."""
    (folder / name).write_text(json.dumps({"@context": CONTEXT} | metadata, indent="\t"))
    for file, content in files.items():
        (folder / f"{file}.csv").write_text(content)
    return folder


def one(datatype: Any, **column: Any) -> dict[str, Any]:
    """Return the metadata of a file with a key and a column of one datatype."""
    columns = [{"name": "id"}, {"name": "v", "datatype": datatype, **column}]
    return {"url": "t.csv", "tableSchema": {"columns": columns, "primaryKey": "id"}}


def test_metadata_names_columns_types_keys_and_descriptions(tmp_path: Path) -> None:
    """The recommendation's first example: the header holds titles, the metadata says what they are."""
    schema = {"columns": COLUMNS, "primaryKey": "no", "aboutUrl": "#no-{no}"}
    about = {"dc:title": "Filings", "dcat:keyword": ["court"], "dc:modified": {"@value": "2010-12-31"}}
    metadata = {"@context": [CONTEXT, {"@language": "en"}], "url": "t.csv", "tableSchema": schema, **about}
    rows, ledger, found = opened(described(tmp_path, metadata, "t.csv-metadata.json", t=FILINGS))
    assert rows == {
        "no": ["1", "2"],
        "on_file": ["ADDISON v. EMERSON", "Re WINDSOR"],
        "court": ["King's Bench", None],
        "step": ["Claim", "Reply"],
        "filed_on": [dt.date(2010, 10, 18), dt.date(2010, 6, 2)],
    }
    assert ledger == {}
    (table,) = found.tables
    assert (table.comment, table.primary_key and table.primary_key.columns) == ("Filings", ("no",))
    assert [each.comment for each in table.columns[:2]] == ["No: A filing's number.", "On File"]
    assert [each.nullable for each in table.columns[:2]] == [False, True]
    assert table.columns[4].native_type == "date M/d/yyyy"
    assert table.attributes["declared_in"] == "t.csv-metadata.json"
    assert found.notes == ()


def test_group_of_tables_refers_by_file_and_by_schema(tmp_path: Path) -> None:
    """Countries and their slices by ``resource``; posts and their seniors by ``schemaReference``, in its own file."""
    senior = {"columns": [{"name": "ref", "titles": "Post"}, {"name": "reports_to"}], "primaryKey": "ref"}
    (tmp_path / "senior.json").write_text(json.dumps({"@context": CONTEXT, **senior}))
    keys = [
        {"columnReference": "post", "reference": {"schemaReference": "senior.json", "columnReference": "ref"}},
        {"columnReference": ["court"], "reference": {"resource": "my%20courts.csv", "columnReference": ["code"]}},
    ]
    tables = [
        {"url": "senior.csv", "tableSchema": "senior.json"},
        {"url": "junior.csv", "tableSchema": {"columns": [{"name": "post"}, {"name": "court"}], "foreignKeys": keys}},
        {"url": "my%20courts.csv", "tableSchema": {"columns": [{"titles": "code"}]}},
    ]
    files = {"senior": "Post,reports_to\n90115,90334\n", "junior": "post,court\n90115,KB\n", "my courts": "code\nKB\n"}
    _, _, found = opened(described(tmp_path, {"tables": tables}, **files), "junior")
    references = [
        (key.columns, key.target_table, key.target_columns)
        for table in found.tables
        if table.name == "junior"
        for key in table.foreign_keys
    ]
    assert references == [(("post",), "senior", ("ref",)), (("court",), "my courts", ("code",))]


def test_address_names_metadata_and_what_serves_display_changes_nothing(tmp_path: Path) -> None:
    """By ``?schema=``; without columns all is text; virtual columns are said to be left out."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "t.csv").write_text("a,b\n1,-\n")
    metadata = {"url": "t.csv", "null": ["-", ""], "tableDirection": "rtl", "lang": "fr", "datatpye": "integer"}
    described(tmp_path, metadata, "outside.json")
    rows, _, found = opened(folder, schema=f"?schema={tmp_path}/outside.json")
    assert rows == {"a": ["1"], "b": [None]}
    assert "not known and not honoured: datatpye" in " ".join(found.notes)
    virtual = {"columns": [{"name": "a"}, {"name": "b"}, {"virtual": True, "propertyUrl": "rdf:type"}]}
    rows, _, found = opened(described(folder, {"url": "t.csv", "tableSchema": virtual}))
    assert rows == {"a": ["1"], "b": ["-"]}
    assert "virtual column _col.3 is not in the file" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("datatype", "texts", "values", "unfit"),
    [
        ("integer", ["99", " 5\t", "+7"], [99, 5, 7], ["one", "1.0", "1 5"]),
        ("byte", ["-128"], [-128], ["128"]),
        ("unsignedLong", ["18446744073709551615", "+1"], [2**64 - 1, 1], ["-1", "-0", "18446744073709551616"]),
        ("positiveInteger", ["1", "010"], [1, 10], ["0", "-1"]),
        ("negativeInteger", ["-1"], [-1], ["0", "1", "-0"]),
        ("nonPositiveInteger", ["-1", "0", "-0"], [-1, 0, 0], ["1"]),
        ({"base": "integer", "format": "#,##0"}, ["1,234,567", "12"], [1234567, 12], ["12,34", "1.0"]),
        ({"base": "integer", "format": "000"}, ["007", "1234"], [7, 1234], ["7"]),
        (
            {"base": "decimal", "format": "#,##0.00"},
            ["1,234.50", "-0.05"],
            [Decimal("1234.50"), Decimal("-0.05")],
            ["1234.5", "1.234", "NaN", "1E2", "5%"],
        ),
        (
            {"base": "decimal", "format": {"decimalChar": ",", "groupChar": ".", "pattern": "#.##0,##"}},
            ["1.234,5", "7"],
            [Decimal("1234.50"), Decimal(7)],
            ["7,", "1,234.5"],
        ),
        ("number", ["1E6", "-INF", "0.1"], [1e6, float("-inf"), 0.1], ["25%", "1,5"]),
        (
            {"base": "double", "format": {"decimalChar": ",", "groupChar": " "}},
            ["1 234,5E1"],
            [12345.0],
            ["1  2", "1.5"],
        ),
        ({"base": "boolean", "format": "Y|N"}, ["Y", "N"], [True, False], ["true", "y"]),
        ("boolean", ["1", "false"], [True, False], ["Y"]),
        ({"base": "date", "format": "dd.MM.yyyy"}, ["22.03.2015"], [dt.date(2015, 3, 22)], ["22.3.2015", "2015-03-22"]),
        ({"base": "date", "format": "yyyyMMdd"}, ["20150322"], [dt.date(2015, 3, 22)], ["2015322", "20150230"]),
        ({"base": "time", "format": "HHmm"}, ["1502"], [dt.time(15, 2)], ["2402", "15:02"]),
        (
            {"base": "time", "format": "HH:mm:ss.SSS"},
            ["15:02:37.143", "15:02:37"],
            [dt.time(15, 2, 37, 143000), dt.time(15, 2, 37)],
            ["15:02:37.1430"],
        ),
        (
            {"base": "datetime", "format": "M/d/yyyy HH:mm"},
            ["3/22/2015 15:02"],
            [dt.datetime(2015, 3, 22, 15, 2)],
            ["3/22/2015"],
        ),
        (
            {"base": "dateTime", "format": "yyyy-MM-ddTHH:mm:ss"},
            ["2015-03-15T15:02:37"],
            [dt.datetime(2015, 3, 15, 15, 2, 37)],
            ["2015-03-15 15:02:37", "2015-03-15T15:02:37Z"],
        ),
        (
            {"base": "dateTime", "format": "yyyy-MM-ddTHH:mm:ssXXX"},
            ["2015-03-15T15:02:37-05:00", "2015-03-15T15:02:37Z"],
            [dt.datetime(2015, 3, 15, 20, 2, 37, tzinfo=dt.UTC), dt.datetime(2015, 3, 15, 15, 2, 37, tzinfo=dt.UTC)],
            ["2015-03-15T15:02:37", "2015-03-15T15:02:37-0500"],
        ),
        ("hexBinary", ["00ff"], [b"\0\xff"], ["0x00", "abc"]),
        ("binary", ["AP8="], [b"\0\xff"], ["AP8"]),
        ("json", ['{"a": 1}'], ['{"a": 1}'], ["{"]),
        ("anyURI", [" http://x "], [" http://x "], []),
    ],
)
def test_datatypes_take_what_their_format_says_and_nothing_else(
    tmp_path: Path, datatype: Any, texts: list[str], values: list[Any], unfit: list[str]
) -> None:
    """A value is exact or in the ledger, with its bytes."""
    cells = [*texts, *unfit]
    lines = [f'{number},"{cell.replace(chr(34), chr(34) * 2)}"' for number, cell in enumerate(cells)]
    rows, ledger, _ = opened(described(tmp_path, one(datatype), t="\n".join(["id,v", *lines]) + "\n"))
    assert rows["v"] == [*values, *[None] * len(unfit)]
    assert ledger == {f"v:{number}": cell.encode() for number, cell in enumerate(cells) if number >= len(texts)}


def test_nulls_are_a_column_s_own_and_mean_it_in_quotes_too(tmp_path: Path) -> None:
    """The standard knows no quotes behind its cells; in a number, blanks around a null are none of it."""
    columns = [{"name": "id"}, {"name": "a", "null": "99"}, {"name": "b", "null": ["", "-"], "datatype": "integer"}]
    content = 'id,a,b\n1,"99"," - "\n2,"",""\n3,-,5\n'
    rows, ledger, _ = opened(described(tmp_path, {"url": "t.csv", "tableSchema": {"columns": columns}}, t=content))
    assert rows == {"id": ["1", "2", "3"], "a": [None, "", "-"], "b": [None, None, 5]}
    assert ledger == {}


def test_dialect_is_kept(tmp_path: Path) -> None:
    """Delimiter, quotes, header; latin-1 is what the Encoding Standard calls so."""
    dialect = {"delimiter": ";", "quoteChar": "'", "header": False, "encoding": "ISO-8859-1", "trim": True}
    schema = {"columns": [{"name": "a"}, {}]}
    described(tmp_path, {"url": "t.csv", "dialect": dialect, "tableSchema": schema})
    (tmp_path / "t.csv").write_bytes("'a;b';\x80 ü \n".encode("latin-1"))
    rows, _, found = opened(tmp_path)
    assert rows == {"a": ["a;b"], "_col.2": ["€ ü "]}
    assert "read as windows-1252" in " ".join(found.notes)
    assert "blanks around texts are kept" in " ".join(found.notes)
    dialect = {"doubleQuote": False, "commentPrefix": None}
    described(tmp_path, {"url": "t.csv", "dialect": dialect}, t='a,b\n#1,"x\\"y"\n')
    assert opened(tmp_path)[0] == {"a": ["#1"], "b": ['x"y']}


def test_what_is_not_kept_but_harmless_is_said(tmp_path: Path) -> None:
    """Constraints, patterns of text, lists and types without an exact form: the text is there as it was written."""
    columns = [
        {"name": "grade", "datatype": {"base": "integer", "minimum": 1, "maximum": 10}},
        {"name": "code", "datatype": {"base": "string", "format": "[A-Z]+", "maxLength": 3}},
        {"name": "fee", "datatype": "decimal"},
        {"name": "words", "separator": ";", "datatype": "integer"},
        {"name": "spent", "datatype": "duration"},
    ]
    content = "grade,code,fee,words,spent\n99,abcd,1.50,1;2,PT2H\n"
    rows, ledger, found = opened(described(tmp_path, {"url": "t.csv", "tableSchema": {"columns": columns}}, t=content))
    assert rows == {"grade": [99], "code": ["abcd"], "fee": ["1.50"], "words": ["1;2"], "spent": ["PT2H"]}
    assert ledger == {}
    told = " ".join(found.notes)
    for words in ("t.csv.grade: minimum is not checked", "code: maxLength", "its format", "decimal without a pattern"):
        assert words in told
    assert "a list, separated by ';', is carried as its text" in told
    assert "a duration has no exact type" in told


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (one({"base": "decimal", "format": "0.###E0"}), "format '0.###E0' of a decimal cannot be kept"),
        (one({"base": "decimal", "format": "0.0%"}), "cannot be kept exactly"),
        (one({"base": "integer", "format": "0.0"}), "cannot be kept exactly"),
        (one({"base": "number", "format": "#,##,##0"}), "cannot be kept exactly"),
        (one({"base": "number", "format": {"decimalChar": ",,"}}), "cannot be kept exactly"),
        (one({"base": "date", "format": "dd MMM yyyy"}), "cannot be kept exactly"),
        (one({"base": "date", "format": "yyyy-MM-ddX"}), "cannot be kept exactly"),
        (one({"base": "dateTime", "format": "M/d/yyyy HH:mm x"}), "cannot be kept exactly"),
        (one({"base": "time", "format": "hh:mm a"}), "cannot be kept exactly"),
        (one({"base": "boolean", "format": "Y"}), "cannot be kept exactly"),
        (one("money"), "no datatype 'money'"),
        (one("integer", default="5"), "a default would make values"),
        (one("integer") | {"dialect": {"skipRows": 4}}, "skipRows 4 cannot be honoured"),
        (one("integer") | {"dialect": {"headerRowCount": 2}}, "headerRowCount 2"),
        (one("integer") | {"dialect": {"lineTerminators": "|"}}, "only line feeds"),
        (one("integer") | {"dialect": "http://example.org/tabs"}, "nothing is fetched"),
        ({"url": "http://example.org/t.csv"}, "is no file of this folder"),
        ({"url": "t.csv", "@context": [CONTEXT, {"@base": "http://example.org/"}]}, "names another place"),
        ({"url": "t.csv", "tableSchema": {"columns": [{"name": "id"}, {"name": "w"}]}}, "column 2 of the header"),
        ({"url": "t.csv", "tableSchema": {"columns": [{"name": "id"}]}}, "has 2 names where .* has 1 columns"),
        ({"url": "t.csv", "tableSchema": {"columns": [{"name": "v"}, {"name": "v"}]}}, "the same name"),
        ({"url": "t.csv", "tableSchema": {"primaryKey": "x"}}, "a key names no column: x"),
        ({"url": "t.csv", "tableSchema": {"columns": "id"}}, "is not as CSVW has it"),
        ({"tables": []}, "is not as CSVW has it"),
        ({"url": "gone.csv"}, "declared but not there: gone.csv"),
        ({"url": "t.csv", "@context": "http://schema.org"}, "is not CSVW metadata"),
    ],
)
def test_metadata_that_cannot_be_honoured_is_refused(tmp_path: Path, metadata: dict[str, Any], words: str) -> None:
    """A value read by another format than the declared one would be another value."""
    described(tmp_path, metadata, t="id,v\n1,2\n")
    with pytest.raises(PortabilityError, match=words) as caught:
        opened(tmp_path)
    assert caught.value.place


def test_rows_that_may_be_comments_are_refused(tmp_path: Path) -> None:
    """The standard's two documents differ in what begins a comment: whoever wrote the metadata must say."""
    described(tmp_path, {"url": "t.csv"}, t="a\n1\n#2\n")
    with pytest.raises(SourceDataError, match="line 3 begins like a comment, with #") as caught:
        opened(tmp_path)
    assert '"commentPrefix": null' in caught.value.hint


def test_metadata_of_a_file_goes_before_the_folder_s_and_must_describe_it(tmp_path: Path) -> None:
    """Where the standard looks first."""
    described(tmp_path, one("integer"), t="id,v\n1,2\n")
    described(tmp_path, one("string"), "t.csv-metadata.json")
    assert opened(tmp_path)[0]["v"] == ["2"]
    described(tmp_path, {"url": "other.csv"}, "t.csv-metadata.json")
    with pytest.raises(ConfigError, match=r"does not describe t\.csv"):
        opened(tmp_path)
