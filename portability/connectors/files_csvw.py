"""CSV on the Web (W3C, 2015) as a declaration: ``csv-metadata.json``, or ``<file>-metadata.json`` beside its file.

What says how a file is read is honoured exactly or refused aloud; what has no exact form here is carried as text, or
not checked, and that is said. What serves RDF and display (URL templates, languages, directions, annotations) changes
no value and is left aside. Nothing is fetched: other documents are files of the same folder.
"""

from __future__ import annotations

import codecs
import json
from collections import ChainMap
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from portability.connectors.files_csvw_types import datatype_conversion
from portability.connectors.files_declared import DeclaredColumn, DeclaredTable, Reference
from portability.errors import ConfigError, FormatError
from portability.manifest import read_json
from portability.yaml_files import shown_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["CSVW", "is_csvw", "match_titles", "read_csvw", "read_csvw_beside"]

CSVW = "csv-metadata.json"
_BESIDE = "-metadata.json"
_NAMESPACE = "http://www.w3.org/ns/csvw"
_KNOWN = {
    "table": frozenset({"@context", "@id", "@type", "dialect", "notes", "suppressOutput", "tableDirection", "tables"})
    | {"tableSchema", "transformations", "url"},
    "schema": frozenset({"@context", "@id", "@type", "columns", "foreignKeys", "primaryKey", "rowTitles"}),
    "column": frozenset({"@id", "@type", "name", "suppressOutput", "titles", "virtual"}),
}
_INHERITED = frozenset({"aboutUrl", "datatype", "default", "lang", "null", "ordered", "propertyUrl", "required"}) | {
    "separator",
    "textDirection",
    "valueUrl",
}
# Properties of a dialect that change which cells there are, and the values of them that change nothing here.
_ONLY: Mapping[str, tuple[Any, ...]] = {"skipRows": (0,), "skipColumns": (0,), "headerRowCount": (0, 1)}
_LINE_ENDS = {"\r\n", "\n", "\r"}


def is_csvw(document: Mapping[str, Any]) -> bool:
    """Tell such metadata from other JSON by its context."""
    context = document.get("@context")
    first = context[0] if isinstance(context, list) and context else context
    return first == _NAMESPACE


def read_csvw_beside(folder: Path, names: Collection[str]) -> dict[str, DeclaredTable]:
    """Read the metadata that lies where the standard looks for it: a file's own goes before the folder's.

    Raises:
        ConfigError: It is not such metadata, or is of another file.
    """
    found = read_csvw(folder / CSVW) if CSVW in names else {}
    for name in names:
        file = name.removesuffix(_BESIDE)
        if name in (CSVW, file) or file not in names:
            continue
        own = read_csvw(folder / name)
        if file not in own:
            raise ConfigError(f"does not describe {file}", place=name, hint="Its url must be the name of the file.")
        found |= own
    return found


def read_csvw(path: Path) -> dict[str, DeclaredTable]:
    """Read metadata: each of its tables by its file's name.

    Raises:
        ConfigError: It is not such metadata, or asks for what cannot be honoured.
    """
    document = _document(path)
    if not is_csvw(document):
        hint = f'Its "@context" must be "{_NAMESPACE}".'
        raise ConfigError("is not CSVW metadata", place=path.name, hint=hint)
    _check(document, path.name)
    group = document if "tables" in document else {}
    stated = [_stated(each, group, document, path) for each in document.get("tables", [document])]
    found = {each.file: each for each in stated}
    if len(found) != len(stated):
        raise ConfigError("two tables have the same url", place=path.name)
    return {each.file: _table(each, stated) for each in stated}


def match_titles(table: DeclaredTable, header: list[str]) -> tuple[DeclaredColumn, ...]:
    """Match a file's header with its columns by their place, as CSVW does.

    Raises:
        ConfigError: A name in the header is none of its column's titles, or there are more or fewer.
    """
    hint = "Is it the right file? Titles are compared exactly; a column without them is titled by its name."
    if len(header) != len(table.columns):
        words = f"the header has {len(header)} names where {table.origin} has {len(table.columns)} columns"
        raise ConfigError(words, place=table.file, hint=hint)
    for number, (name, column) in enumerate(zip(header, table.columns, strict=True), start=1):
        if column.titles and name not in column.titles:
            words = f"column {number} of the header is none of the titles in {table.origin}"
            raise ConfigError(words, place=f"{table.file}.{column.name}", hint=hint)
    return table.columns


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """One table of the metadata, with the schema, dialect and inherited properties that are its own."""

    file: str
    place: str
    origin: str
    language: str
    table: Mapping[str, Any]
    schema: Mapping[str, Any]
    dialect: Mapping[str, Any]
    inherited: ChainMap[str, Any]


def _stated(table: Mapping[str, Any], group: Mapping[str, Any], top: Mapping[str, Any], path: Path) -> _Stated:
    context = top["@context"]
    local = context[1] if isinstance(context, list) and len(context) > 1 else {}
    if local.get("@base", "./") not in ("", ".", "./"):
        hint = "Remove @base: files are those beside the metadata."
        raise ConfigError("names another place for its files", place=f"{path.name}: @context", hint=hint)
    file = unquote(table["url"])
    place = f"{path.name}: {file}"
    if "/" in file or "\\" in file or "?" in file or "#" in file:
        hint = "Write the name of a file that lies beside the metadata; nothing is fetched."
        raise ConfigError("is no file of this folder", place=place, hint=hint)
    schema = _linked(table.get("tableSchema", group.get("tableSchema", {})), path, place)
    dialect = _linked(table.get("dialect", group.get("dialect", {})), path, place)
    _check({"url": file, "tableSchema": schema, "dialect": dialect}, path.name)
    return _Stated(
        file=file,
        place=place,
        origin=path.name,
        language=str(local.get("@language", "und")),
        table=table,
        schema=schema,
        dialect=dialect,
        inherited=ChainMap(dict(schema), dict(table), dict(group)),
    )


def _linked(value: Any, path: Path, place: str) -> dict[str, Any]:  # noqa: ANN401 -- an object or where one is
    if not isinstance(value, str):
        return dict(value)
    if "/" in value or ":" in value or not (path.parent / value).is_file():
        hint = "Put the object itself in its place, or its file beside the metadata."
        raise ConfigError(f"refers to another document: {value}; nothing is fetched", place=place, hint=hint)
    return {"@id": value, **_document(path.parent / value)}


def _document(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = read_json(path, dict)
    except FormatError as error:
        raise ConfigError(error.message, place=path.name, hint=error.hint) from error
    return document


def _check(document: Mapping[str, Any], name: str) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 -- a quarter of a start, and few sources need it
    from jsonschema.exceptions import best_match  # noqa: PLC0415 -- the same

    shape = json.loads(resources.files("portability.connectors").joinpath("files_csvw.json").read_bytes())
    problem = best_match(Draft202012Validator(shape).iter_errors(document))
    if problem is not None:
        where = shown_path(tuple(problem.absolute_path))
        place = f"{name}: {where}" if where else name
        raise ConfigError(f"is not as CSVW has it: {problem.message[:200]}", place=place)


# -- tables -----------------------------------------------------------------------------------------------------------


def _table(stated: _Stated, others: list[_Stated]) -> DeclaredTable:
    unknown, columns = ", ".join(_unknown(stated)), []
    notes = [f"{stated.place}: not known and not honoured: {unknown}"] if unknown else []
    for number, each in enumerate(stated.schema.get("columns", ()), start=1):
        if each.get("virtual"):
            notes.append(f"{stated.place}: virtual column {_name(each, number, stated)} is not in the file")
            continue
        column, told = _column(each, number, stated)
        columns.append(column)
        notes += told
    written, told = _written(stated)
    if len({column.name for column in columns}) != len(columns):
        raise ConfigError("two columns have the same name", place=stated.place)
    if not columns and written["header"] == "none":
        raise ConfigError("without a header the columns must be described", place=stated.place)
    return DeclaredTable(
        file=stated.file,
        name=stated.file.rpartition(".")[0] or stated.file,
        columns=tuple(columns),
        primary_key=_referred(stated.schema.get("primaryKey", ()), stated),
        references=tuple(_reference(each, stated, others) for each in stated.schema.get("foreignKeys", ())),
        comment=_described(stated.table),
        nulls=() if columns else _nulls(stated.inherited),
        origin=stated.origin,
        notes=(*notes, *told),
        **written,
    )


def _written(stated: _Stated) -> tuple[dict[str, Any], list[str]]:
    """How the rows are written, in the words of a declaration."""
    dialect, place = stated.dialect, f"{stated.place}: dialect"
    for name, values in _ONLY.items():
        if dialect.get(name, values[0]) not in values:
            hint = "Remove those rows or columns from the file, and the property."
            raise ConfigError(f"{name} {dialect[name]} cannot be honoured", place=place, hint=hint)
    ends = dialect.get("lineTerminators", ["\r\n", "\n"])
    if not set([ends] if isinstance(ends, str) else ends) <= _LINE_ENDS:
        raise ConfigError("only line feeds and carriage returns can end a row", place=place)
    encoding, told = _encoding(dialect.get("encoding", "utf-8"), stated.place)
    if dialect.get("trim", dialect.get("skipInitialSpace", False)) not in (False, "false"):
        told.append(f"{stated.place}: blanks around texts are kept, although its dialect says that they are trimmed")
    header = dialect["headerRowCount"] == 1 if "headerRowCount" in dialect else dialect.get("header", True)
    titled = "titles" if stated.schema.get("columns") else "names"
    doubled = dialect.get("doubleQuote", True) or dialect.get("quoteChar", '"') is None
    return {
        "delimiter": dialect.get("delimiter", ","),
        "quote": '"' if "quoteChar" not in dialect else dialect["quoteChar"] or "",
        "escape": "doubled" if doubled else "backslash",
        "encoding": encoding,
        "header": titled if header else "none",
        "comment_mark": dialect.get("commentPrefix", "#") or "",
    }, told


def _encoding(name: str, place: str) -> tuple[str, list[str]]:
    """The codec: CSVW's names are those of the Encoding Standard, where latin-1 and ASCII are cp1252."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return name, []  # refused with the file
    if found not in ("iso8859-1", "ascii"):
        return name, []
    return "cp1252", [f"{place}: {name} is read as windows-1252, as the Encoding Standard has it"]


def _reference(key: Mapping[str, Any], stated: _Stated, others: list[_Stated]) -> Reference:
    reference = key["reference"]
    if "resource" in reference:
        targets = [each for each in others if each.file == unquote(reference["resource"])]
    else:
        targets = [each for each in others if each.schema.get("@id") == reference["schemaReference"]]
    if len(targets) != 1:
        raise ConfigError("a foreign key refers to no table, or to several, of this metadata", place=stated.place)
    return Reference(
        columns=_referred(key["columnReference"], stated),
        table=targets[0].file.rpartition(".")[0] or targets[0].file,
        target=_referred(reference["columnReference"], targets[0]),
    )


def _referred(names: str | list[str] | tuple[()], stated: _Stated) -> tuple[str, ...]:
    known = {
        _name(each, number, stated)
        for number, each in enumerate(stated.schema.get("columns", ()), start=1)
        if not each.get("virtual")
    }
    wanted = (names,) if isinstance(names, str) else tuple(names)
    if absent := [name for name in wanted if name not in known]:
        raise ConfigError(f"a key names no column: {absent[0]}", place=stated.place)
    return wanted


def _unknown(stated: _Stated) -> list[str]:
    """Properties that nobody defined; common ones, whose names have a colon, are annotations."""
    parts = [("table", stated.table), ("schema", stated.schema)]
    parts += [("column", each) for each in stated.schema.get("columns", ())]
    return sorted(
        {
            name
            for kind, each in parts
            for name in each
            if ":" not in name and name not in _KNOWN[kind] and name not in _INHERITED
        }
    )


# -- columns ----------------------------------------------------------------------------------------------------------


def _column(column: Mapping[str, Any], number: int, stated: _Stated) -> tuple[DeclaredColumn, list[str]]:
    inherited = stated.inherited.new_child(dict(column))
    name, titles = _name(column, number, stated), _titles(column, stated.language)
    place = f"{stated.place}.{name}"
    if inherited.get("default", ""):
        hint = "Remove it, or have the values written into the file."
        raise ConfigError("a default would make values that are not in the file", place=place, hint=hint)
    separator = inherited.get("separator")
    if separator is None:
        conversion, told = datatype_conversion(inherited.get("datatype", "string"), place=place)
    else:
        conversion, told = datatype_conversion("string", place=place)
        told = (f"a list, separated by {separator!r}, is carried as its text",)
    shown = [title for title in titles if title != name][:1]
    found = DeclaredColumn(
        name=name,
        conversion=conversion,
        comment=": ".join([*shown, *filter(None, [_described(column)])]) or None,
        required=bool(inherited.get("required", False)),
        titles=titles or ((name,) if "name" in column else ()),  # without either, any header fits
        nulls=_nulls(inherited),
    )
    return found, [f"{place}: {words}" for words in told]


def _name(column: Mapping[str, Any], number: int, stated: _Stated) -> str:
    titles = _titles(column, stated.language)
    return str(column.get("name") or (titles[0] if titles else f"_col.{number}"))


def _titles(column: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """Every title in every language, those of the metadata's own first."""
    titles = column.get("titles", ())
    if isinstance(titles, dict):
        ordered = sorted(titles, key=lambda each: (each != language, each != "und"))
        return tuple(title for each in ordered for title in _several(titles[each]))
    return _several(titles)


def _several(value: str | list[str] | tuple[()]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _nulls(inherited: Mapping[str, Any]) -> tuple[str, ...]:
    return _several(inherited.get("null", ""))


def _described(part: Mapping[str, Any]) -> str | None:
    for name in ("dc:description", "dc:title", "rdfs:comment"):
        value = part.get(name)
        value = value.get("@value") if isinstance(value, dict) else value
        if isinstance(value, str) and value:
            return value
    return None
