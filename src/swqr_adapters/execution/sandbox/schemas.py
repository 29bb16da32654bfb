"""Documents against the JSON Schemas of programs.

Schemas are untrusted: they may hold patterns that take for ever and references that lead in
circles. Small ones without either are looked at where they come in; others in a sandbox.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from swqr_core.errors import MissingExtraError

__all__ = ["is_simple", "problem_of"]

_SMALL_SCHEMA: Final = 16_384
_SMALL_DOCUMENT: Final = 16_384
_DEEPEST: Final = 12
_SHOWN: Final = 300
_SIMPLE: Final = frozenset(
    {
        "$comment", "$id", "$schema", "additionalProperties", "const", "default", "deprecated",
        "description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "items",
        "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength",
        "minProperties", "minimum", "multipleOf", "properties", "readOnly", "required", "title",
        "type",
    }
)  # fmt: skip


def is_simple(schema: object, document: bytes | None, *, depth: int = 0) -> bool:
    """Return whether looking at it costs no more than its size."""
    if depth == 0:
        if document is not None and len(document) > _SMALL_DOCUMENT:
            return False
        try:
            if len(json.dumps(schema)) > _SMALL_SCHEMA:
                return False
        except (TypeError, ValueError, RecursionError):
            return False
    if not isinstance(schema, Mapping):
        return True
    if depth > _DEEPEST or not schema.keys() <= _SIMPLE:
        return False
    inside = schema.get("properties")
    below = list(inside.values()) if isinstance(inside, Mapping) else []
    below += [schema.get("items"), schema.get("additionalProperties")]
    return all(is_simple(each, None, depth=depth + 1) for each in below)


def problem_of(schema: Mapping[str, object], document: bytes | None) -> str | None:
    """Return what is wrong with a document, with the path of the place; None if nothing is.

    Nothing is fetched: a reference to another document is an error.

    Args:
        schema: The JSON Schema; of the newest draft if it does not say.
        document: JSON text; None to look at the schema alone.

    Raises:
        MissingExtraError: The package ``jsonschema`` is not installed.
    """
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError, best_match
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise MissingExtraError("checking the parameters of programs", "programs") from error
    plain: Any = json.loads(json.dumps(schema))
    kind = validator_for(plain, default=Draft202012Validator)
    try:
        kind.check_schema(plain)
    except SchemaError as error:
        return _told(error.json_path, error.message)
    if document is None:
        return None
    try:
        value = json.loads(document)
    except (ValueError, RecursionError) as error:
        return _told("$", f"is no JSON: {error}")
    try:
        found = best_match(kind(plain, registry=Registry()).iter_errors(value))
    except Unresolvable as unknown:
        return _told("$", f"the schema refers to something that is not in it: {unknown}")
    except RecursionError:
        return _told("$", "the schema refers to itself without end")
    return None if found is None else _told(found.json_path, found.message)


def _told(path: str, message: str) -> str:
    shown = message if len(message) <= _SHOWN else f"{message[:_SHOWN]}..."
    return f"{path[:_SHOWN]}: {shown}"
