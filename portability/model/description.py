"""The data dictionary: the canonical model as a Markdown text for the people who migrate a firm."""

from collections.abc import Iterable, Iterator

from portability.model.entities import CodeList, Entity, Field, Model

__all__ = ["data_dictionary"]

_INTRODUCTION = """\
<!-- Generated from portability/model/model.yaml by `python -m portability.model.dictionary`. Do not edit. -->

# Data dictionary

The canonical layer of an archive, version {version}: {entities} entities in {groups} groups, {rules} rules.
Each entity is one Parquet file, `data/tables/<entity>.parquet`; an entity without rows may have no file. Conventions
first, then the entities, the code lists and the rules.
"""
_FIELD_HEADER = ("Field", "Type", "Required", "Personal data", "Meaning")
_RULE_INTRODUCTION = """\
An `error` means that the export or its mapping is wrong, and the archive must not be released. A `finding` means that
the firm's own data breaks the rule: it is exported unchanged and listed for sign-off. The SQL is DuckDB's, with every
entity as a table of its name (an empty one where the archive has no file); `{part}` stands for SQL that several rules
share, given below the rules. The first column it returns is the `id` of the broken row.
"""


def data_dictionary(model: Model) -> str:
    """Return the whole data dictionary as Markdown, ending in a line break."""
    return "\n".join(_sections(model)).rstrip("\n") + "\n"


def _sections(model: Model) -> Iterator[str]:
    yield _INTRODUCTION.format(
        version=model.version, entities=len(model.entities), groups=len(model.groups), rules=len(model.rules)
    )
    yield from _conventions(model)
    yield from _contents(model)
    yield from _common_fields(model)
    for group, doc in model.groups.items():
        yield f"## Group {group}\n\n{doc}\n"
        for entity in model.entities:
            if entity.group == group:
                yield from _entity(entity, model)
    yield from _code_lists(model)
    yield from _rules(model)


def _conventions(model: Model) -> Iterator[str]:
    yield "## Conventions\n"
    for name, value in model.conventions.items():
        if isinstance(value, dict):
            yield f"**{name}**\n"
            yield _table(("Word", "Meaning"), ((f"`{key}`", str(meaning)) for key, meaning in value.items()))
        else:
            yield f"**{name}**: {_prose(str(value))}\n"


def _contents(model: Model) -> Iterator[str]:
    yield "## Entities\n"
    rows = ((f"[{each.name}](#{each.name})", each.group, each.purpose) for each in model.entities)
    yield _table(("Entity", "Group", "Purpose"), rows)


def _common_fields(model: Model) -> Iterator[str]:
    lacking = [each.name for each in model.entities if not _has_common_fields(each, model)]
    yield "## Common fields\n"
    yield f"Every entity has these fields besides its own, except {', '.join(lacking)}: `id` first, the others last.\n"
    yield _table(_FIELD_HEADER, (_field_row(each) for each in model.common_fields))


def _has_common_fields(entity: Entity, model: Model) -> bool:
    return set(model.common_fields) <= set(entity.fields)


def _entity(entity: Entity, model: Model) -> Iterator[str]:
    yield f"### {entity.name}\n"
    yield f"{_prose(entity.purpose)}\n"
    besides = " Besides these, the [common fields](#common-fields)." if _has_common_fields(entity, model) else ""
    yield f"Primary key: {', '.join(f'`{name}`' for name in entity.primary_key)}.{besides}\n"
    yield _table(_FIELD_HEADER, (_field_row(each) for each in entity.fields if each not in model.common_fields))
    if entity.rules:
        yield f"Rules: {', '.join(f'[{rule.id}](#{rule.id})' for rule in entity.rules)}.\n"


def _field_row(field: Field) -> tuple[str, ...]:
    return (f"`{field.name}`", _type(field), "yes" if field.required else "", field.pd, field.doc)


def _type(field: Field) -> str:
    if field.codes is not None:
        return f"enum [{field.codes}](#codes-{field.codes})"
    if field.ref is not None:
        return f"ref [{field.ref}](#{field.ref})"
    if field.ref_by is not None:
        return f"{field.type}, key in the entity named by `{field.ref_by}`"
    return field.type


def _code_lists(model: Model) -> Iterator[str]:
    yield "## Code lists\n"
    yield from (_code_list(each) for each in model.code_lists)
    yield "### Code lists kept by others\n"
    yield _table(("List", "Where"), ((name, where) for name, where in model.external_code_lists.items()))


def _code_list(code_list: CodeList) -> str:
    values = ", ".join(f"`{value}`" for value in code_list.values)
    note = f" {code_list.note}" if code_list.note else ""
    return f'<a id="codes-{code_list.name}"></a>**{code_list.name}**: {values}.{note}\n'


def _rules(model: Model) -> Iterator[str]:
    yield "## Rules\n"
    yield _RULE_INTRODUCTION
    for rule in model.rules:
        subject = "every entity" if rule.entity == "*" else f"[{rule.entity}](#{rule.entity})"
        sql = rule.sql_as_written
        check = f"Checked by procedure: {_prose(rule.procedure)}\n" if sql is None else _sql(sql)
        yield f"### {rule.id}\n\n**{rule.severity}**, {subject}. {_prose(rule.text)}\n\n{check}"
    yield "### Shared parts of the rules\n"
    yield from (f"`{{{name}}}` stands for:\n\n{_sql(sql)}" for name, sql in model.sql_parts.items())


def _sql(sql: str) -> str:
    return f"```sql\n{sql.strip()}\n```\n"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|").replace("\n", " ")


def _prose(text: str) -> str:
    """Return a text in which Markdown sees no HTML tags."""
    return text.replace("<", "&lt;")
