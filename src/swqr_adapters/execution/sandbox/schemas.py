"""Documents against the JSON Schemas of programs.

Schemas are untrusted: they may hold patterns that take for ever, references that lead in circles
and lists that are gone through again for each value. Small plain ones are looked at where they come
in; others in a sandbox.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from swqr_core.errors import MissingExtraError

__all__ = ["is_simple", "problem_of"]

_SMALL_SCHEMA: Final = 16_384
_SMALL_DOCUMENT: Final = 16_384
_SMALL_PRODUCT: Final = 2**20
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
_REPEATED: Final = frozenset({"additionalProperties", "items"})


def is_simple(schema: object, document: bytes | None) -> bool:
    """Return whether looking at it takes a moment, whatever is in it."""
    if document is not None and len(document) > _SMALL_DOCUMENT:
        return False
    try:
        size = len(json.dumps(schema))
    except (TypeError, ValueError, RecursionError):
        return False
    if size > _SMALL_SCHEMA or not _is_plain(schema):
        return False
    # A schema of items or of further properties is gone through for each of them.
    repeats = size * len(document or b"") > _SMALL_PRODUCT
    return not (repeats and _has_repeated(schema))


def _is_plain(schema: object, *, depth: int = 0) -> bool:
    """Return whether all of a schema is words that are looked at once for each value.

    Older drafts have schemas in other places, such as lists of them in ``items`` and in ``type``.
    """
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, Mapping) or depth > _DEEPEST or not schema.keys() <= _SIMPLE:
        return False
    kinds, inside = schema.get("type", ""), schema.get("properties", {})
    if not isinstance(kinds, str) and not (
        isinstance(kinds, Sequence) and all(isinstance(kind, str) for kind in kinds)
    ):
        return False
    if not isinstance(inside, Mapping):
        return False
    below = [*inside.values(), *(schema[word] for word in _REPEATED & schema.keys())]
    return all(_is_plain(each, depth=depth + 1) for each in below)


def _has_repeated(schema: object) -> bool:
    """Return whether a plain schema has schemas that stand for any number of values."""
    if not isinstance(schema, Mapping):
        return False
    return any(isinstance(schema.get(word), Mapping) for word in _REPEATED) or any(
        map(_has_repeated, schema.get("properties", {}).values())
    )


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
        from jsonschema.exceptions import SchemaError, ValidationError, best_match
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise MissingExtraError("checking the parameters of programs", "programs") from error
    plain: Any = json.loads(json.dumps(schema))
    value: Any = None
    if document is not None:
        try:
            value = json.loads(document)
        except (ValueError, RecursionError) as error:
            return _told("$", f"is no JSON: {error}")
    found: ValidationError | SchemaError | None = None
    try:
        kind = validator_for(plain, default=Draft202012Validator)
        kind.check_schema(plain)
        if document is not None:
            found = best_match(kind(plain, registry=Registry()).iter_errors(value))
    except SchemaError as error:
        found = error
    except Unresolvable as unknown:
        return _told("$", f"the schema refers to something that is not in it: {unknown}")
    except RecursionError:
        return _told("$", "the schema refers to itself without end")
    except Exception as error:  # noqa: BLE001 - what the library does not foresee in a schema
        return _told("$", f"the schema cannot be used: {error}")
    return None if found is None else _told(found.json_path, found.message)


def _told(path: str, message: str) -> str:
    shown = message if len(message) <= _SHOWN else f"{message[:_SHOWN]}..."
    return f"{path[:_SHOWN]}: {shown}"
