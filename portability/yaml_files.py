"""YAML that people write: its content, the line of every field, and errors that say file, line, field and mend.

Only what JSON can say is read: text, whole and decimal numbers, true, false, null, lists, mappings with text keys.
``no``, ``on``, ``12:30`` and ``2026-01-01`` stay the text that was written. A key that stands twice, an alias and a
tag are refused: what a person reads in the file is all that it says.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from jsonschema import ValidationError

__all__ = ["YamlDocument", "YamlPath", "all_mistakes", "check_schema", "parse_yaml", "read_yaml"]

YamlPath = tuple[str | int, ...]
"""Where a value stands in a document: keys and positions from the top."""

_ALL_BELOW = "; in all"
_SCALARS = (
    ("tag:yaml.org,2002:null", re.compile(r"(?:~|null|)\Z"), "~n\0"),
    ("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), "tf"),
    ("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), "-+0123456789"),
    ("tag:yaml.org,2002:float", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+\Z"), "-+0123456789"),
)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core, without hexadecimal, infinity and what else nobody writes in such a file."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 -- the library's own

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias: a few lines of them stand for gigabytes, and nobody sees what they say."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias is not read here; write it out", problem_mark=mark)
        return super().compose_node(parent, index)


for _tag, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_tag, _pattern, ["" if letter == "\0" else letter for letter in _first])


@dataclass(frozen=True, kw_only=True)
class YamlDocument:
    """A document as it was written; ``lines`` has the line of every value by its path."""

    content: Any
    place: str
    lines: Mapping[YamlPath, int] = field(repr=False)

    def line(self, path: YamlPath) -> int:
        """Return the line of a value, or of the nearest that stands around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, path: YamlPath, message: str, *, hint: str = "", details: tuple[str, ...] = ()) -> ConfigError:
        """Return the error for a value: where it stands, what is wrong, what mends it."""
        return ConfigError(message, place=self.where(path), hint=hint, details=details)

    def where(self, path: YamlPath) -> str:
        """Return ``file:line: field`` for a value."""
        name = shown_path(path)
        return f"{self.place}:{self.line(path)}" + (f": {name}" if name else "")


def read_yaml(path: Path, *, size_bytes_max: int = DEFAULT_LIMITS.tag_file_bytes_max) -> YamlDocument:
    """Read a file.

    Raises:
        ConfigError: It cannot be read, or is not such YAML; the message names the line.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(size_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if len(content) > size_bytes_max:
        raise ConfigError(f"is larger than the limit of {size_bytes_max} bytes", place=str(path))
    return parse_yaml(content, place=str(path))


def parse_yaml(content: bytes, *, place: str) -> YamlDocument:
    """Read the bytes of a file; ``place`` is its name in errors.

    Raises:
        ConfigError: It is not such YAML; the message names the line.
    """
    lines: dict[YamlPath, int] = {}
    try:
        node = yaml.compose(content.decode("utf-8"), Loader=_Loader)
        value = None if node is None else _value(node, (), place, lines)
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", place=place) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", place=place) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{place}:{mark.line + 1}" if mark else place
        raise ConfigError(f"is not YAML: {error.problem or error.context}", place=where) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {str(error).splitlines()[0]}", place=place) from None
    return YamlDocument(content=value, place=place, lines=lines)


def shown_path(path: YamlPath) -> str:
    """Return a path as people write it: ``recipients[0].key``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _value(node: yaml.Node, path: YamlPath, place: str, lines: dict[YamlPath, int]) -> Any:  # noqa: ANN401 -- any JSON
    if path in lines or len(path) > DEFAULT_LIMITS.json_depth_max:
        raise ConfigError("is nested too deeply", place=f"{place}:{node.start_mark.line + 1}")
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, place, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*path, number), place, lines) for number, each in enumerate(node.value)]
    return _scalar(node, place)


def _mapping(node: yaml.MappingNode, path: YamlPath, place: str, lines: dict[YamlPath, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, each in node.value:
        where = f"{place}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError("a field's name is not text", place=where)
        if key.value in found:
            raise ConfigError(f"the field {key.value!r} stands twice", place=where, hint="Remove one of the two.")
        found[key.value] = _value(each, (*path, key.value), place, lines)
        lines[(*path, key.value)] = key.start_mark.line + 1
    return found


def _scalar(node: yaml.Node, place: str) -> str | int | float | bool | None:
    kind, text = node.tag.rpartition(":")[2], str(node.value)
    if kind in ("str", "null"):
        return text if kind == "str" else None
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    raise ConfigError(f"has the tag {node.tag}, which is not read", place=f"{place}:{node.start_mark.line + 1}")


def check_schema(document: YamlDocument, schema: Mapping[str, Any]) -> None:
    """Refuse a document that is not as a JSON Schema (2020-12) says, with all that is wrong in it.

    Raises:
        ConfigError: With file, line, field and mend.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 -- a quarter of a start, and few commands read YAML

    problems = sorted(
        (problem for error in Draft202012Validator(schema).iter_errors(document.content) for problem in _told(error)),
        # A field by a wrong name explains the one that is missing, so it comes first.
        key=lambda each: (document.line(each[0]), each[1].startswith("the field "), shown_path(each[0])),
    )
    if not problems:
        return
    raise all_mistakes([document.fault(path, message, hint=hint) for path, message, hint in problems])


def all_mistakes(found: Sequence[ConfigError]) -> ConfigError:
    """Return one error for several mistakes: the first is told, all are in the details, each with its mend."""
    if len(found) == 1:
        return found[0]
    details = dict.fromkeys(
        line for each in found for line in each.details or (f"{each}. {each.hint}" if each.hint else str(each),)
    )
    if len(details) == 1:
        return found[0]
    first = found[0].message.partition(_ALL_BELOW)[0]
    message = f"{first}{_ALL_BELOW} {len(details)} mistakes"
    return ConfigError(message, place=found[0].place, hint="Mend them all, then check again.", details=details)


def _told(error: ValidationError) -> Iterator[tuple[YamlPath, str, str]]:
    """Turn a schema's complaint into a person's words: where, what, and the mend."""
    path: YamlPath = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    hint = str(schema.get("x-mend") or schema.get("description") or "")
    if error.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        known = sorted(schema.get("properties", {}))
        for name in sorted(set(error.instance) - set(known)):
            yield (*path, name), "is not a field here", _nearest(name, known)
    elif error.validator == "required" and isinstance(error.instance, dict):
        yield (
            path,
            "the field " + error.message.replace(" is a required property", " is missing"),
            _meaning(error, schema),
        )
    elif error.validator == "enum":
        yield path, f"is not one of {', '.join(map(str, schema['enum']))}", hint
    elif error.validator == "pattern":
        yield path, "is not written as it must be", hint
    elif error.validator == "type":
        yield path, f"is not {_kind(str(error.validator_value))}", _quoted(error) or hint
    elif error.validator in ("anyOf", "oneOf") and error.context:
        yield path, "fits none of the ways to write it", hint or "; ".join(each.message for each in error.context[:3])
    else:
        yield path, _short(error.message), hint


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Fields here: {', '.join(known)}."


def _meaning(error: ValidationError, schema: Mapping[str, Any]) -> str:
    name = error.message.split("'")[1] if "'" in error.message else ""
    about = schema.get("properties", {}).get(name, {})
    return str(about.get("x-mend") or about.get("description") or "") if isinstance(about, dict) else ""


def _quoted(error: ValidationError) -> str:
    number = isinstance(error.instance, int | float)
    return "Put it in quotes." if error.validator_value == "string" and number else ""


def _kind(name: str) -> str:
    return {
        "object": "a mapping of fields",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "boolean": "true or false",
    }.get(name, name)


def _short(message: str) -> str:
    return message if len(message) <= 200 else message[:200] + "…"  # noqa: PLR2004 -- a line on a screen
