"""The server's own OpenAPI document: the routes, and what each takes and answers.

What a route is for comes from the route itself; what it takes and answers stands in one table
here. A test holds the two together, and another one the documents and their schemas.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final

from attrs import frozen

from .routing import Route
from .schemas import SCHEMAS, ref

__all__ = ["OPERATIONS", "Operation", "openapi_document"]

_JSON: Final = "application/json"
_PLAIN: Final = "text/plain"
_ERRORS: Final = {
    "graphql": "GraphqlAnswer",
    "iam": "TokenError",
    "platform": "PlatformError",
}
_NAME: Final = re.compile(r"\{(\w+)\}")
_RESOURCE: Final = "/products/{product}/resource/{resource}"
_BASES: Final = {"runtime": "/api/v1", "control": "/_swqr"}


@frozen
class Operation:
    """What a route takes and answers.

    Attributes:
        answer: The schema of its JSON answer; ``text`` for plain text, another kind of text by
            its media type, None for no body.
        body: The schema of its JSON body; ``form`` for a form, ``bytes`` for bytes as they are,
            None for none.
        query: The names of its query parameters, a ``*`` behind those that may be repeated.
        status: The status when all went well.
        or_empty: Whether it may also answer 204.
    """

    answer: str | None
    body: str | None = None
    query: str = ""
    status: int = 200
    or_empty: bool = False


def _done(body: str | None = None) -> Operation:
    return Operation(None, body, status=204)


OPERATIONS: Final[Mapping[str, Operation]] = {
    "GET /api/v1/versions": Operation("Versions"),
    "GET /api/v1/backends": Operation("Backends", query="fields include_mocks"),
    "GET /api/v1/backends/{id}/configuration": Operation(
        "BackendConfiguration", query="calibration_id"
    ),
    "GET /api/v1/backends/{id}/properties": Operation(
        "BackendProperties", query="calibration_id updated_before"
    ),
    "GET /api/v1/backends/{id}/status": Operation("BackendStatus"),
    "GET /api/v1/backends/{id}/defaults": Operation("BackendDefaults"),
    "POST /api/v1/jobs": Operation("JobSubmitted", "JobSubmission"),
    "GET /api/v1/jobs": Operation(
        "Jobs",
        query="limit offset pending program backend created_after created_before sort tags* "
        "session_id exclude_params include_mocks swqr_key",
    ),
    "GET /api/v1/jobs/{id}": Operation("Job", query="exclude_params"),
    "DELETE /api/v1/jobs/{id}": _done(),
    "GET /api/v1/jobs/{id}/results": Operation("text", or_empty=True),
    "GET /api/v1/jobs/{id}/logs": Operation("text"),
    "GET /api/v1/jobs/{id}/metrics": Operation("Metrics"),
    "POST /api/v1/jobs/{id}/cancel": _done(),
    "PUT /api/v1/jobs/{id}/tags": _done("Tags"),
    "GET /api/v1/tags": Operation("Tags", query="type search"),
    "GET /api/v1/jobs/{id}/interim_results": Operation("text", query="start limit wait"),
    "POST /api/v1/programs": Operation("Program", "ProgramUpload", status=201),
    "GET /api/v1/programs": Operation("Programs", query="limit offset name search tags*"),
    "GET /api/v1/programs/{id}": Operation("Program"),
    "PATCH /api/v1/programs/{id}": _done("ProgramUpdate"),
    "DELETE /api/v1/programs/{id}": _done(),
    "PUT /api/v1/programs/{id}/data": _done("bytes"),
    "PUT /api/v1/programs/{id}/public": _done(),
    "PUT /api/v1/programs/{id}/private": _done(),
    "POST /api/v1/sessions": Operation("Session", "SessionOpening"),
    "GET /api/v1/sessions/{id}": Operation("Session"),
    "PATCH /api/v1/sessions/{id}": _done("SessionUpdate"),
    "DELETE /api/v1/sessions/{id}/close": _done(),
    "GET /api/v1/sessions/{id}/extended": Operation("ExtendedSession"),
    "GET /api/v1/sessions/{id}/jobs": Operation("SessionJobs", query="limit offset"),
    "GET /api/v1/instances/usage": Operation("InstanceUsage"),
    "GET /api/v1/instance": Operation("Instance"),
    "GET /api/v1/instances/configuration": Operation("InstanceConfiguration"),
    "PUT /api/v1/instances/configuration": _done("InstanceConfiguration"),
    "GET /api/v1/accounts/{id}": Operation("Account", query="plan_id"),
    "GET /api/v1/workloads": Operation(
        "Workloads",
        query="user sort limit previous next backend search status* mode created_after "
        "created_before tags* include_mocks",
    ),
    "POST /identity/token": Operation("Token", "form"),
    "POST /v3/resources/search": Operation("Search", "SearchQuery", query="limit"),
    "GET /v2/resource_instances": Operation("Resources", query="name guid"),
    "GET /v2/resource_instances/{id}": Operation("Resource"),
    "GET /api/v1/{plan}": Operation("Plan"),
    "POST /users/token": Operation("PlatformToken", "PlatformKey"),
    "POST /product/token": Operation("PlatformToken", "PlatformKey"),
    "POST /sdk": Operation("GraphqlAnswer", "GraphqlRequest"),
    **{
        f"POST {_RESOURCE}/{name}": Operation(answer, body)
        for name, answer, body in (
            ("create_runtime_job", "PlatformSubmitted", "PlatformSubmission"),
            ("runtime_status", "PlatformStatus", "PlatformJob"),
            ("runtime_cancel", "PlatformStatus", "PlatformJob"),
            ("interim_results", "Any", "PlatformJob"),
            ("runtime_backend_config", "BackendConfiguration", "PlatformBackend"),
            ("runtime_backend_properties", "BackendProperties", "PlatformBackend"),
            ("runtime_backend_pulse_defaults", "Any", "PlatformBackend"),
            ("runtime_backends", "Any", "Any"),
            ("create_session", "Session", "PlatformOpening"),
            ("session_details", "Session", "PlatformSession"),
            ("close_session", "Any", "PlatformSession"),
            ("cancel_session", "Any", "PlatformSession"),
        )
    },
    f"POST {_RESOURCE}/{{operation}}": Operation("Any"),
    f"GET {_RESOURCE}/{{operation}}": Operation("Any"),
    "GET /files/jobs/{resource}/{job}/{name}": Operation("text"),
    "GET /files/workspace/{file}": Operation("text"),
    "PUT /files/uploads/{file}": Operation("Any", "bytes", query="expires signature"),
    "GET /openapi.json": Operation("Any"),
    "GET /_swqr/health": Operation("Any"),
    "GET /_swqr/ready": Operation("Any"),
    "GET /_swqr/metrics": Operation("text"),
    "GET /_swqr/sessions": Operation("Any", query="limit"),
    "GET /_swqr/sessions/{id}/timeline": Operation("image/svg+xml"),
    "GET /_swqr/overview": Operation("Any"),
    "GET /": Operation("text/html"),
    "GET /_swqr/page.css": Operation("text/css"),
    "GET /_swqr/page.js": Operation("text/javascript"),
    "GET /_swqr/jobs": Operation("Any", query="limit"),
    "POST /_swqr/reset": _done(),
    "GET /_swqr/faults": Operation("Any"),
    "POST /_swqr/faults": Operation("FaultRule", "FaultRule", status=201),
    "DELETE /_swqr/faults": _done(),
    "DELETE /_swqr/faults/{id}": _done(),
    "POST /_swqr/clock/advance": Operation("Any", "Any"),
}
"""By method and path."""


def operation_name(group: str, route: Route) -> str:
    """Return the name under which a route stands in ``OPERATIONS``."""
    base = "/api/v1" if group == "catalog" else _BASES.get(group, "")
    return f"{route.method} {base}{route.template}"


@lru_cache(maxsize=1)
def openapi_document() -> dict[str, Any]:
    """Return the document (OpenAPI 3.1)."""
    from .routes import CATALOG_ROUTES, GROUPS

    paths: dict[str, dict[str, Any]] = {}
    for group, routes in {**GROUPS, "catalog": CATALOG_ROUTES}.items():
        for route in routes:
            name = operation_name(group, route)
            method, _, path = name.partition(" ")
            described = _describe(group, route, OPERATIONS[name], _NAME.findall(path))
            words = re.findall(r"\w+", path.removeprefix("/api/v1"))
            described["operationId"] = "_".join([method.lower(), *words])
            paths.setdefault(path, {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "swqr",
            "summary": "IBM's Quantum Compute REST interface and the Strangeworks platform's",
            "description": (
                "The paths below /api/v1 also answer below any prefix that ends in /api/v1, at "
                "the root, and below /runtime in the words of the older interface. The paths "
                "/users, /product, /products, /sdk and /files are those of the Strangeworks "
                "platform."
            ),
            "version": version("swqr"),
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "instance": {"type": "apiKey", "in": "header", "name": "Service-CRN"},
            },
        },
    }


def _describe(
    group: str, route: Route, operation: Operation, names: Iterable[str]
) -> dict[str, Any]:
    about = (route.answer.__doc__ or "").strip().partition("\n")[0]
    wrong = _ERRORS.get(group, "Error")
    responses: dict[str, Any] = {
        str(operation.status): _response(operation.answer),
        "4XX": {"description": "What was wrong.", "content": {_JSON: {"schema": ref(wrong)}}},
    }
    if operation.or_empty:
        responses["204"] = {"description": "There is none."}
    described: dict[str, Any] = {
        "summary": about,
        "parameters": [*map(_in_path, names), *map(_in_query, operation.query.split())],
        "responses": responses,
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _body(operation.body)}
    if route.group == "runtime":
        described["security"] = [{"token": [], "instance": []}, {"key": [], "instance": []}]
    elif route.group in {"account", "control"}:
        described["security"] = [{"token": []}, {"key": []}]
    return described


def _response(schema: str | None) -> dict[str, Any]:
    if schema is None:
        return {"description": "Done."}
    if schema == "text" or "/" in schema:
        media = _PLAIN if schema == "text" else schema
        return {"description": "Text.", "content": {media: {"schema": {"type": "string"}}}}
    return {"description": schema, "content": {_JSON: {"schema": ref(schema)}}}


def _body(schema: str) -> dict[str, Any]:
    if schema == "form":
        form = {
            "type": "object",
            "required": ["grant_type", "apikey"],
            "properties": {"grant_type": {"type": "string"}, "apikey": {"type": "string"}},
        }
        return {"application/x-www-form-urlencoded": {"schema": form}}
    if schema == "bytes":
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {_JSON: {"schema": ref(schema)}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name.endswith("*"):
        schema = {"type": "array", "items": schema}
    return {"name": name.rstrip("*"), "in": "query", "schema": schema}
