"""The canonical model: what a legal practice's data looks like once it has left its system.

``load_model()`` reads the packaged model.yaml once and checks it; every other function derives something from the model
and touches no file. Nothing here reads archives or sources.
"""

from portability.model.description import data_dictionary
from portability.model.entities import PD_CLASSES, CodeList, Entity, Field, Model, Rule
from portability.model.loading import load_model, parse_model
from portability.model.schemas import (
    JsonObject,
    arrow_schema,
    create_table_sql,
    duckdb_type,
    json_schema,
    model_json,
)

__all__ = [
    "PD_CLASSES",
    "CodeList",
    "Entity",
    "Field",
    "JsonObject",
    "Model",
    "Rule",
    "arrow_schema",
    "create_table_sql",
    "data_dictionary",
    "duckdb_type",
    "json_schema",
    "load_model",
    "model_json",
    "parse_model",
]
