"""The server's OpenAPI document tells what the server does."""

import re
from typing import Any

import pytest
from jsonschema import (
    Draft202012Validator,
    FormatChecker,
)

from swqr_adapters.server.openapi import OPERATIONS, openapi_document, operation_name
from swqr_adapters.server.routes import CATALOG_ROUTES, GROUPS


def routes() -> set[str]:
    groups = {**GROUPS, "catalog": CATALOG_ROUTES}
    return {operation_name(group, route) for group, found in groups.items() for route in found}


def test_the_document_has_the_routes_and_no_others() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }

    assert described == routes() == set(OPERATIONS)


def test_every_operation_is_explained_and_has_an_id_of_its_own() -> None:
    operations = [o for path in openapi_document()["paths"].values() for o in path.values()]

    assert all(operation["summary"].endswith((".", "text form.")) for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_reference_leads_somewhere() -> None:
    document = openapi_document()
    found = re.findall(r"'#/components/schemas/(\w+)'", str(document))

    assert set(found) <= set(document["components"]["schemas"])


def test_the_schemas_are_schemas() -> None:
    for schema in openapi_document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


async def test_it_is_served_without_credentials(world: Any) -> None:
    reply = await world.ask("GET", "/openapi.json", base="", key=None, crn=None, version=None)

    assert reply.json["openapi"] == "3.1.0"


@pytest.mark.parametrize("path", ["/", "/_swqr/page.css", "/_swqr/page.js", "/_swqr/metrics"])
async def test_texts_are_of_the_kind_that_it_says(world: Any, path: str) -> None:
    reply = await world.ask("GET", path, base="", key=None, crn=None, version=None)

    described = openapi_document()["paths"][path]["get"]["responses"]["200"]["content"]
    assert reply.headers["Content-Type"].partition(";")[0] in described


def check(name: str, document: Any) -> None:
    schemas = openapi_document()["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": schemas}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document)


async def prepare(world: Any) -> dict[str, str]:
    """Make one of everything."""
    job_id = await world.run(tags=["abc"], cost=60)
    late = await world.submit(cost=1)
    await world.executor.started(late)
    world.executor.finish(late, quantum_seconds=9.0)
    await world.clock.advance(9)
    session_id = await world.open()
    inside = await world.submit(session_id=session_id)
    await world.executor.started(inside)
    return {"job": job_id, "session": session_id}


@pytest.mark.parametrize("version", [None, "2025-01-01", "2026-03-15", "2026-04-15"])
@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/versions", "Versions"),
        ("/backends?fields=wait_time_seconds", "Backends"),
        ("/backends/ideal_5/configuration", "BackendConfiguration"),
        ("/backends/ideal_5/properties", "BackendProperties"),
        ("/backends/ideal_5/status", "BackendStatus"),
        ("/backends/ideal_5/defaults", "BackendDefaults"),
        ("/jobs", "Jobs"),
        ("/jobs?exclude_params=false", "Jobs"),
        ("/jobs/{job}", "Job"),
        ("/jobs/{job}/metrics", "Metrics"),
        ("/jobs/none", "Error"),
        ("/tags?type=job&search=abc", "Tags"),
        ("/programs", "Programs"),
        ("/programs/sampler", "Program"),
        ("/sessions/{session}", "Session"),
        ("/sessions/{session}/extended", "ExtendedSession"),
        ("/sessions/{session}/jobs", "SessionJobs"),
        ("/instances/usage", "InstanceUsage"),
        ("/instance", "Instance"),
        ("/instances/configuration", "InstanceConfiguration"),
        ("/accounts/acc", "Account"),
        ("/workloads", "Workloads"),
    ],
)
async def test_documents_are_as_their_schemas_say(
    world: Any, path: str, schema: str, version: str | None
) -> None:
    made = await prepare(world)

    reply = await world.ask("GET", path.format(**made), version=version)

    check(schema, reply.json)


async def test_discovery_is_as_its_schemas_say(world: Any) -> None:
    form = {
        "grant_type": "urn:ibm:params:oauth:grant-type:apikey",
        "apikey": world.instances.ADA,
    }
    token = await world.ask("POST", "/identity/token", base="", data=form)
    found = await world.ask("POST", "/v3/resources/search?limit=1", base="", json={})
    resources = await world.ask("GET", "/v2/resource_instances", base="")
    plan = await world.ask("GET", f"/{found.json['items'][0]['service_plan_unique_id']}")

    check("Token", token.json)
    check("Search", found.json)
    check("Resources", resources.json)
    check("Plan", plan.json)


@pytest.mark.parametrize("options", [{"data": {"grant_type": ""}}, {"json": {}}])
async def test_a_refused_token_is_as_its_schema_says(world: Any, options: dict[str, Any]) -> None:
    responses = openapi_document()["paths"]["/identity/token"]["post"]["responses"]
    told = responses["4XX"]["content"]["application/json"]["schema"]["$ref"]

    reply = await world.ask("POST", "/identity/token", base="", **options)

    assert 400 <= reply.status < 500
    check(told.rpartition("/")[2], reply.json)


async def test_the_platforms_documents_are_as_their_schemas_say(world: Any) -> None:
    token = await world.platform(
        "POST", "/users/token", token=None, json={"key": world.instances.ADA}
    )
    submitted = await world.platform_job()
    slug = submitted.json["slug"]
    opened = await world.operate("create_session", {"backend": "ideal_5", "mode": "batch"})
    asked = await world.platform("POST", "/sdk", json={"query": "{ workspace { slug } }"})
    refused = await world.platform("POST", "/sdk", json={"query": "{ nothing }"})

    check("PlatformToken", token.json)
    check("PlatformSubmitted", submitted.json)
    check("PlatformStatus", (await world.operate("runtime_status", {"job_slug": slug})).json)
    check("PlatformError", (await world.operate("runtime_status", {"job_slug": "none"})).json)
    check("Session", opened.json)
    check("GraphqlAnswer", asked.json)
    check("GraphqlAnswer", refused.json)
    for operation, schema in (
        ("runtime_backend_config", "BackendConfiguration"),
        ("runtime_backend_properties", "BackendProperties"),
    ):
        check(schema, (await world.operate(operation, {"backend_name": "ideal_5"})).json)
