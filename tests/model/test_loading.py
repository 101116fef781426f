"""A model that is not what it claims is refused, with the place of its first fault."""

import pytest

from portability.errors import FormatError
from portability.model import load_model, parse_model

SMALL = """\
format: small model
version: '1'
conventions: {money: decimal(19,4)}
groups: {people: Everyone.}
common_fields:
  not_in: [thing]
  fields:
  - {name: id, type: string, required: true, pd: none, doc: Key}
  - {name: source_key, type: string, required: true, pd: none, doc: Source row}
entities:
- name: person
  group: people
  purpose: A person.
  primary_key: [id]
  fields:
  - {name: kind, type: enum, codes: kind, required: true, pd: none, doc: Kind}
  - {name: boss_id, type: ref, ref: person, pd: none, doc: Boss}
- name: thing
  group: people
  purpose: A thing.
  primary_key: [code]
  fields:
  - {name: code, type: string, required: true, pd: none, doc: Key}
  - {name: owner_id, type: ref, ref: person, required: true, pd: none, doc: Owner}
  - {name: price, type: 'decimal(19,4)', pd: financial, doc: Price}
code_lists: {kind: [tall, short]}
external_code_lists: {}
sql_parts: {tall_ones: (select * from person where kind = 'tall')}
rules:
- {id: nobody_tall, severity: finding, entity: person, text: Nobody is tall., sql: 'select id from {tall_ones}'}
- {id: all_honest, severity: error, entity: '*', text: All are honest., procedure: Ask them.}
"""

FAULTS = {
    "no YAML": ("version: '1'", "version: [", "model.yaml", "no YAML"),
    "a key twice": ("version: '1'", "version: '1'\nversion: '2'", "line 1", "'version' is given twice"),
    "unknown key": ("doc: Boss}", "doc: Boss, requird: true}", "entities[0].fields[1]", "unknown field `requird`"),
    "missing key": ("  purpose: A person.\n", "", "entities[0]", "missing required field `purpose`"),
    "entity twice": ("- name: thing", "- name: person", "entities", "'person' is given twice"),
    "field twice": ("name: price", "name: code", "entities.thing.fields", "'code' is given twice"),
    "own field named like a common one": ("name: kind,", "name: id,", "entities.person.fields", "'id' is given twice"),
    "code twice": ("[tall, short]", "[tall, tall]", "code_lists.kind", "'tall' is given twice"),
    "rule twice": ("id: all_honest", "id: nobody_tall", "rules", "'nobody_tall' is given twice"),
    "unknown type": ("'decimal(19,4)'", "float", "thing.price", "unknown logical type 'float'"),
    "impossible decimal": ("'decimal(19,4)'", "'decimal(4,19)'", "thing.price", "cannot be stored exactly"),
    "unknown code list": ("codes: kind", "codes: sort", "person.kind", "unknown code list 'sort'"),
    "enum without codes": ("codes: kind, ", "", "person.kind", "an enum names its code list"),
    "unknown reference": (
        "ref: person, required",
        "ref: animal, required",
        "thing.owner_id",
        "unknown entity 'animal'",
    ),
    "text with a reference": ("{name: code, type", "{name: code, ref: person, type", "thing.code", "a ref its entity"),
    "unknown ref_by": ("{name: code, type", "{name: code, ref_by: sort, type", "thing.code", "unknown field 'sort'"),
    "unknown class": ("pd: financial", "pd: secret", "thing.price", "unknown personal-data class 'secret'"),
    "unknown group": ("group: people", "group: animals", "person", "unknown group 'animals'"),
    "optional key": ("[code]", "[price]", "thing.price", "primary key field is missing or not required"),
    "unknown exception": ("not_in: [thing]", "not_in: [thing, it]", "common_fields.not_in", "unknown entity 'it'"),
    "unknown severity": ("severity: error", "severity: fatal", "rules.all_honest", "unknown severity 'fatal'"),
    "rule on nothing": ("entity: person", "entity: animal", "rules.nobody_tall", "rule on unknown entity 'animal'"),
    "rule without a check": (", procedure: Ask them.", "", "rules.all_honest", "either sql or a procedure"),
    "unknown SQL part": ("{tall_ones}", "{short_ones}", "rules.nobody_tall", "unknown SQL part 'short_ones'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_model_with_one_fault_is_refused_with_its_place(fault: str) -> None:
    """Every fault raises FormatError that says what is wrong and where."""
    good, bad, place, message = FAULTS[fault]
    assert good in SMALL
    with pytest.raises(FormatError) as caught:
        parse_model(SMALL.replace(good, bad, 1))
    assert place in caught.value.place
    assert message in caught.value.message


def test_model_common_fields_enclose_the_own_ones() -> None:
    """The key comes first, the other common fields last, and an entity named in not_in has none."""
    model = parse_model(SMALL)
    assert model.entity("person").field_names == ("id", "kind", "boss_id", "source_key")
    assert model.entity("thing").field_names == ("code", "owner_id", "price")


def test_model_rule_sql_part_is_expanded_and_kept_as_written() -> None:
    """A shared part is put in place in the SQL that runs, and stays a name in the SQL for readers."""
    rule = parse_model(SMALL).rule("nobody_tall")
    assert rule.sql == "select id from (select * from person where kind = 'tall')"
    assert rule.sql_as_written == "select id from {tall_ones}"


def test_model_loaded_twice_is_read_once() -> None:
    """The packaged model is cached."""
    assert load_model() is load_model()
