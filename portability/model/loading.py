"""Reading model.yaml into a checked ``Model``.

The file's shape is checked first (msgspec: unknown and missing keys), then its meaning: names are unique and every
type, code list, reference, group and rule target exists. The first fault raises ``FormatError`` with its place.
"""

import functools
import re
from collections.abc import Hashable, Iterable, Mapping
from importlib import resources

import msgspec
import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without its C library: ten times slower, the same result
    from yaml import SafeLoader  # type: ignore[assignment]

from portability.errors import FormatError
from portability.model.entities import PD_CLASSES, CodeList, Entity, Field, Model, Rule
from portability.model.logical import arrow_type_of

__all__ = ["load_model", "parse_model"]

_SEVERITIES = ("error", "finding")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class _FieldEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: str
    type: str
    pd: str
    doc: str
    required: bool = False
    codes: str | None = None
    ref: str | None = None
    ref_by: str | None = None


class _EntityEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    name: str
    group: str
    purpose: str
    primary_key: list[str]
    fields: list[_FieldEntry]
    seen_in: dict[str, list[str]] = {}


class _CommonFields(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    not_in: list[str]
    fields: list[_FieldEntry]


class _CodeListEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    values: list[str]
    note: str = ""


class _RuleEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    id: str
    severity: str
    entity: str
    text: str
    sql: str | None = None
    procedure: str = ""


class _ModelFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    format: str
    version: str
    conventions: dict[str, object]
    groups: dict[str, str]
    common_fields: _CommonFields
    entities: list[_EntityEntry]
    code_lists: dict[str, list[str] | _CodeListEntry]
    external_code_lists: dict[str, str]
    sql_parts: dict[str, str]
    rules: list[_RuleEntry]


class _StrictLoader(SafeLoader):
    """A YAML loader that refuses a key given twice instead of keeping the last one."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 (the signature is PyYAML's)
    ) -> dict[Hashable, object]:
        keys = [key.value for key, _ in node.value]
        twice = _first_duplicate(keys)
        if twice is not None:
            raise FormatError(f"key {twice!r} is given twice", place=f"line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep=deep)


@functools.cache
def load_model() -> Model:
    """Return the canonical model of this package, read once.

    Raises:
        FormatError: the packaged model is faulty.
    """
    return parse_model(resources.files("portability.model").joinpath("model.yaml").read_text(encoding="utf-8"))


def parse_model(text: str) -> Model:
    """Return the model written in a YAML text.

    Raises:
        FormatError: the text is no YAML, has the wrong shape, or names something that does not exist.
    """
    content = _read_file(text)
    code_lists = _code_lists(content.code_lists)
    parts = _sql_parts(content)
    targets = {entry.name for entry in content.entities} | {"*"}
    rules = tuple(_rule(entry, targets, parts) for entry in content.rules)
    values = {each.name: each.values for each in code_lists}
    common = tuple(_field(each, values, place=f"common_fields.{each.name}") for each in content.common_fields.fields)
    _check_names(content)
    entities = tuple(
        _entity(entry, values, common=() if entry.name in content.common_fields.not_in else common, rules=rules)
        for entry in content.entities
    )
    _check_references(entities)
    return Model(
        format=content.format,
        version=content.version,
        conventions=content.conventions,
        groups=content.groups,
        common_fields=common,
        entities=entities,
        code_lists=code_lists,
        external_code_lists=content.external_code_lists,
        sql_parts=parts,
        rules=rules,
    )


def _read_file(text: str) -> _ModelFile:
    try:
        # The loader is a SafeLoader: it makes plain values only.
        return msgspec.convert(yaml.load(text, Loader=_StrictLoader), type=_ModelFile)  # noqa: S506
    except yaml.YAMLError as error:
        raise FormatError(f"the model is no YAML: {error}", place="model.yaml") from error
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise FormatError(message, place=f"model.yaml {place.strip('`$.')}".strip()) from error


def _code_lists(entries: Mapping[str, list[str] | _CodeListEntry]) -> tuple[CodeList, ...]:
    lists = []
    for name, entry in entries.items():
        values, note = (entry, "") if isinstance(entry, list) else (entry.values, entry.note)
        _refuse_duplicates(values, place=f"code_lists.{name}")
        lists.append(CodeList(name=name, values=tuple(values), note=note))
    return tuple(lists)


def _sql_parts(content: _ModelFile) -> Mapping[str, str]:
    """Return the SQL that rules share, with ``all_rows``: (entity, id, source_key, extras) of every row."""
    names = [entry.name for entry in content.entities if entry.name not in content.common_fields.not_in]
    selects = [f"  select '{name}' as entity, id, source_key, extras from \"{name}\"" for name in names]
    return content.sql_parts | {"all_rows": "(\n" + "\n  union all\n".join(selects) + "\n)"}


def _rule(entry: _RuleEntry, entities: set[str], parts: Mapping[str, str]) -> Rule:
    place = f"rules.{entry.id}"
    if entry.severity not in _SEVERITIES:
        raise FormatError(f"unknown severity {entry.severity!r}", place=place, hint=f"one of {', '.join(_SEVERITIES)}")
    if entry.entity not in entities:
        raise FormatError(f"rule on unknown entity {entry.entity!r}", place=place)
    if (entry.sql is None) == (not entry.procedure):
        raise FormatError("a rule has either sql or a procedure", place=place)
    return Rule(
        id=entry.id,
        severity=entry.severity,
        entity=entry.entity,
        text=entry.text,
        sql=None if entry.sql is None else _expand(entry.sql, parts, place=place),
        sql_as_written=entry.sql,
        procedure=entry.procedure,
    )


def _expand(sql: str, parts: Mapping[str, str], *, place: str) -> str:
    if strangers := set(_PLACEHOLDER.findall(sql)) - parts.keys():
        raise FormatError(f"unknown SQL part {min(strangers)!r}", place=place)
    return _PLACEHOLDER.sub(lambda match: parts[match[1]], sql)


def _entity(
    entry: _EntityEntry, values: Mapping[str, tuple[str, ...]], *, common: tuple[Field, ...], rules: tuple[Rule, ...]
) -> Entity:
    own = tuple(_field(each, values, place=f"{entry.name}.{each.name}") for each in entry.fields)
    # The key stands first and where the row came from stands last, so that a reader meets the content in between.
    fields = common[:1] + own + common[1:]
    _refuse_duplicates([each.name for each in fields], place=f"entities.{entry.name}.fields")
    if missing := set(entry.primary_key) - {each.name for each in fields if each.required}:
        raise FormatError("a primary key field is missing or not required", place=f"{entry.name}.{min(missing)}")
    return Entity(
        name=entry.name,
        group=entry.group,
        purpose=entry.purpose,
        primary_key=tuple(entry.primary_key),
        fields=fields,
        rules=tuple(rule for rule in rules if rule.entity == entry.name),
    )


def _field(entry: _FieldEntry, values: Mapping[str, tuple[str, ...]], *, place: str) -> Field:
    try:
        arrow_type_of(entry.type)
    except FormatError as error:
        raise FormatError(error.message, place=place, hint=error.hint) from error
    if entry.pd not in PD_CLASSES:
        raise FormatError(f"unknown personal-data class {entry.pd!r}", place=place)
    if (entry.type == "enum") != (entry.codes is not None) or (entry.type == "ref") != (entry.ref is not None):
        raise FormatError("an enum names its code list, a ref its entity, and no other type does", place=place)
    if entry.codes is not None and entry.codes not in values:
        raise FormatError(f"unknown code list {entry.codes!r}", place=place)
    return Field(
        name=entry.name,
        type=entry.type,
        pd=entry.pd,
        doc=entry.doc,
        required=entry.required,
        codes=entry.codes,
        code_values=values[entry.codes] if entry.codes else (),
        ref=entry.ref,
        ref_by=entry.ref_by,
    )


def _check_names(content: _ModelFile) -> None:
    names = [entry.name for entry in content.entities]
    _refuse_duplicates(names, place="entities")
    _refuse_duplicates([entry.id for entry in content.rules], place="rules")
    for entry in content.entities:
        if entry.group not in content.groups:
            raise FormatError(f"unknown group {entry.group!r}", place=entry.name)
    if strangers := set(content.common_fields.not_in) - set(names):
        raise FormatError(f"unknown entity {min(strangers)!r}", place="common_fields.not_in")


def _check_references(entities: tuple[Entity, ...]) -> None:
    names = {each.name for each in entities}
    for entity in entities:
        for each in entity.fields:
            place = f"{entity.name}.{each.name}"
            if each.ref is not None and each.ref not in names:
                raise FormatError(f"reference to unknown entity {each.ref!r}", place=place)
            if each.ref_by is not None and each.ref_by not in entity.field_names:
                raise FormatError(f"ref_by names unknown field {each.ref_by!r}", place=place)


def _refuse_duplicates(names: Iterable[str], *, place: str) -> None:
    twice = _first_duplicate(names)
    if twice is not None:
        raise FormatError(f"{twice!r} is given twice", place=place)


def _first_duplicate(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
