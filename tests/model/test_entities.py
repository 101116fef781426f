"""What the model answers about itself."""

import dataclasses

import pytest

from portability.errors import FormatError
from portability.model import PD_CLASSES, Entity, Field, Model, load_model

NO_COMMON_FIELDS = {"file_object", "source_link", "control_total"}


@pytest.fixture(scope="module")
def model() -> Model:
    """The packaged model."""
    return load_model()


def _entity(name: str, *, needs: str | None = None, may_have: str | None = None) -> Entity:
    fields = [Field(name="id", type="string", pd="none", doc="Key", required=True)]
    if needs:
        fields.append(Field(name="needed_id", type="ref", pd="none", doc="Needed", required=True, ref=needs))
    if may_have:
        fields.append(Field(name="optional_id", type="ref", pd="none", doc="Optional", ref=may_have))
    return Entity(name=name, group="g", purpose="p", primary_key=("id",), fields=tuple(fields))


def _order(model: Model, *entities: Entity) -> list[str]:
    return [each.name for each in dataclasses.replace(model, entities=entities).in_reference_order()]


def test_reference_order_of_the_model_puts_required_references_first(model: Model) -> None:
    """Loading in this order, no required reference points forward."""
    seen: set[str] = set()
    for entity in model.in_reference_order():
        needed = {field.ref for field in entity.fields if field.required and field.ref}
        assert needed <= seen | {entity.name}
        seen.add(entity.name)
    assert seen == {entity.name for entity in model.entities}


def test_reference_order_keeps_the_order_of_independent_entities(model: Model) -> None:
    """Only required references move an entity."""
    assert _order(model, _entity("b", may_have="c"), _entity("a", needs="c"), _entity("c")) == ["b", "c", "a"]


def test_reference_order_of_an_entity_that_needs_itself_is_no_cycle(model: Model) -> None:
    """A required reference to the same entity does not count."""
    assert _order(model, _entity("a", needs="a")) == ["a"]


def test_reference_order_of_a_cycle_raises_with_its_members(model: Model) -> None:
    """Two entities that need each other cannot be ordered."""
    with pytest.raises(FormatError, match="cycle") as caught:
        _order(model, _entity("a", needs="b"), _entity("b", needs="a"), _entity("c"))
    assert caught.value.place == "a, b"


@pytest.mark.parametrize("lookup", ["entity", "code_list", "rule"])
def test_model_asked_for_something_unknown_names_it(model: Model, lookup: str) -> None:
    """A wrong name is a FormatError, not a KeyError."""
    with pytest.raises(FormatError, match="unicorn"):
        getattr(model, lookup)("unicorn")


def test_entity_asked_for_an_unknown_field_names_it(model: Model) -> None:
    """A wrong field name says which entity was asked."""
    with pytest.raises(FormatError, match="entity matter has no field 'unicorn'"):
        model.entity("matter").field("unicorn")


def test_entity_pd_class_is_the_most_restrictive_of_its_fields(model: Model) -> None:
    """An entity is as sensitive as its most sensitive field."""
    assert model.entity("contact").pd_class == "privileged"
    assert model.entity("vat_code").pd_class == "privileged"  # its extras may hold anything
    assert model.entity("file_object").pd_class == "none"


def test_pd_classes_of_the_code_list_are_those_of_the_package(model: Model) -> None:
    """Code and model agree on the classes and their order."""
    assert model.code_list("pd_class") == PD_CLASSES


def test_every_entity_but_three_has_the_common_fields(model: Model) -> None:
    """Only the entities that describe the archive itself lack lineage and extras."""
    lacking = {entity.name for entity in model.entities if "extras" not in entity.field_names}
    assert lacking == NO_COMMON_FIELDS


def test_every_key_without_a_reference_says_what_it_is_a_key_of(model: Model) -> None:
    """A field named *_id that is no reference is a key in the entity that a sibling names, or an outside identifier."""
    outside = {
        "user.regulator_id",
        "client.ledes_client_id",
        "payment.external_id",
        "email.message_id",
        "email.thread_id",
        "audit_event.entity_id",  # a log may be about a row that has gone
    }
    loose = {
        f"{entity.name}.{field.name}"
        for entity in model.entities
        for field in entity.fields
        if field.name.endswith("_id") and field.ref is None and field.ref_by is None
    }
    assert loose == outside


def test_no_field_holds_the_time_of_the_export(model: Model) -> None:
    """Two exports of one snapshot give the same bytes, so the control totals have no clock."""
    assert "timestamp" not in {field.type for field in model.entity("control_total").fields}
