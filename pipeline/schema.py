"""JSON Schema of the run file, so that an editor completes it and marks typing errors."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pipeline import steps
from pipeline.config import NAME, RunFile
from pipeline.corpus_recipe import corpus_recipe_names
from pipeline.recipe import RECIPE, RULES, recipe_names
from pipeline.source import Source
from pipeline.stage import Pass, Stage
from pipeline.tripwires import OFF, Tripwires

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"
_PREDICATE = {"type": "string", "description": "SQL over a document's columns; true drops the document"}
_PATH = {"type": "string", "minLength": 1}
_PATHS = {
    "description": "files or patterns, local or s3://, gs://, hf://, https://",
    "anyOf": [_PATH, {"type": "array", "minItems": 1, "items": _PATH}],
}
_RULES = {
    "type": "object",
    "description": "names and SQL predicates; exactly these in place of the published ones, {} for none",
    "additionalProperties": _PREDICATE,
}


def json_schema() -> dict[str, Any]:
    """The schema of the run file, draft 2020-12. Imports every step of the tables."""
    sources = [steps.source_reader(name) for name in steps.SOURCES]
    stages = [steps.stage(name) for name in steps.STAGES]
    passes = [steps.pass_(name) for name in steps.PASSES]
    options = [*(s.options for s in sources), *(s.options for s in stages), *(p.options for p in passes)]
    mixture = steps.mixture_options()
    models = _Models([RunFile, mixture, Tripwires, *options])
    run = models.object(RunFile)
    readers = [_source(source, models) for source in sources]
    across: list[Stage | Pass] = [*stages, *passes]
    run["properties"] |= {
        "corpus": _named(run["properties"]["corpus"]),
        "sources": {
            **_about(run["properties"]["sources"]),
            "type": "object",
            "minProperties": 1,
            "propertyNames": _named({}),
        },
        "recipe": {**_about(run["properties"]["recipe"]), "anyOf": [_corpus_recipe(), {"type": "null"}]},
        "across": {
            **_about(run["properties"]["across"]),
            "type": ["array", "null"],
            "items": _step(across, models),
        },
        "mixture": {
            **_about(run["properties"]["mixture"]),
            "anyOf": [models.object(mixture), {"type": "null"}],
        },
        "tripwires": {
            **_about(run["properties"]["tripwires"]),
            "anyOf": [models.object(Tripwires), {"enum": [OFF, False, None]}],
        },
    }
    defs = {**models.defs, "steps": {"type": ["array", "null"], "items": _step(stages, models)}}
    # On a recipe's ground a source may leave out what the recipe says of it, `read` above all.
    based = {
        "if": {"required": ["recipe"], "properties": {"recipe": {"type": "string"}}},
        "then": _sources([*readers, _based_source()]),
        "else": _sources(readers),
    }
    return {"$schema": DIALECT, "title": "winnow run file", **run, **based, "$defs": defs}


class _Models:
    """The JSON Schemas of pydantic models; models inside them are shared in `defs`."""

    def __init__(self, models: list[type[BaseModel]]) -> None:
        distinct = list(dict.fromkeys(models))
        references, schema = models_json_schema(
            [(model, "validation") for model in distinct], ref_template=_REFERENCE
        )
        whole = schema.get("$defs", {})
        names = {model: references[(model, "validation")]["$ref"].rsplit("/", 1)[-1] for model in distinct}
        self._objects = {model: whole[name] for model, name in names.items()}
        referenced = json.dumps(whole)
        self.defs = {
            name: each for name, each in whole.items() if f'"{_REFERENCE.format(model=name)}"' in referenced
        }

    def object(self, model: type[BaseModel]) -> dict[str, Any]:
        """A copy of the model's schema that can be added to."""
        schema = {
            key: each for key, each in self._objects[model].items() if key not in ("title", "description")
        }
        return {**schema, "properties": dict(schema.get("properties", {}))}


def _about(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in schema.items() if key == "description"}


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "pattern": rf"^(?!\.){NAME.pattern}$"}


def _sources(each: list[dict[str, Any]]) -> dict[str, Any]:
    return {"properties": {"sources": {"additionalProperties": {"anyOf": each}}}}


def _based_source() -> dict[str, Any]:
    """A source of a whole corpus's recipe: any of its reader's options, but no reader."""
    return {
        "type": "object",
        "properties": {"paths": _PATHS, "steps": {"$ref": "#/$defs/steps"}},
        "not": {"required": ["read"]},
    }


def _corpus_recipe() -> dict[str, Any]:
    return {"anyOf": [{"enum": list(corpus_recipe_names())}, {"type": "string", "pattern": r"/|\.ya?ml$"}]}


def _source(source: Source, models: _Models) -> dict[str, Any]:
    schema = models.object(source.options)
    schema["properties"] = {
        "read": {"const": source.name, "description": source.about},
        "paths": _PATHS,
        "steps": {"$ref": "#/$defs/steps"},
        **schema["properties"],
    }
    needed = ["read"] if source.inputs else ["read", "paths"]
    return {**schema, "required": [*needed, *schema.get("required", [])]}


def _step(known: Sequence[Stage | Pass], models: _Models) -> dict[str, Any]:
    """One step: a bare name, or a mapping with one name as its key."""
    bare = []
    properties: dict[str, Any] = {RULES: _RULES, RECIPE: _recipe()}
    for step in known:
        options = models.object(step.options)
        options["properties"][RULES] = _RULES
        about = f"{step.about} {step.paper}".strip()
        forms = [options]
        if step.options.short:
            forms.append({"type": "string"})
        if not options.get("required"):
            forms.append({"type": "null"})
            bare.append({"const": step.name, "description": step.about})
        properties[step.name] = {"description": about, "anyOf": forms}
    mapping = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": properties,
        "additionalProperties": False,
    }
    return {"anyOf": [*bare, mapping]}


def _recipe() -> dict[str, Any]:
    name = {
        "description": "a recipe that comes with winnow, or the path of a YAML file of the same form",
        "anyOf": [{"enum": list(recipe_names())}, {"type": "string", "pattern": r"/|\.ya?ml$"}],
    }
    override = {
        "type": ["object", "null"],
        "description": "rules of the recipe to replace by name; null removes one",
        "additionalProperties": {"type": ["string", "null"]},
    }
    mapping = {
        "type": "object",
        "properties": {"name": name, "override": override},
        "required": ["name"],
        "additionalProperties": False,
    }
    return {"description": "the steps of a published method", "anyOf": [name, mapping]}
