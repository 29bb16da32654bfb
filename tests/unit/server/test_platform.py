"""The Strangeworks platform over a cloud: every line that real clients rely on, one by one."""

import io
import json
from typing import Any

import pytest

from swqr_adapters.server import ServerSettings
from swqr_adapters.server.platform.shelf import FileAnnounced
from swqr_adapters.wire import strangeworks as wire
from swqr_core.errors import BackendNotFoundError, JobNotFoundError, LimitExceededError

PARAMS = rb'{ "pubs":[],"version" : 2, "greeting":"\u00e9\/", "x":1.0E+2}'
STATUSES = {"CREATED", "QUEUED", "RUNNING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED"}
JOB = "{ workspace { jobs(jobSlug: %s) { edges { node { %s } } } } }"


async def node_of(world: Any, slug: str, fields: str, **options: Any) -> Any:
    data = await world.graphql(JOB % (json.dumps(slug), fields), **options)
    edges = data["workspace"]["jobs"]["edges"]
    return edges[0]["node"] if edges else None


async def files_of(world: Any, slug: str) -> dict[str, str]:
    node = await node_of(world, slug, "files { file { fileName url } }")
    return {entry["file"]["fileName"]: entry["file"]["url"] for entry in node["files"]}


async def read(world: Any, url: str, **options: Any) -> Any:
    assert url.startswith(world.server.url + "/")
    return await world.platform("GET", url.removeprefix(world.server.url), **options)


async def ended(world: Any, slug: str, **how: Any) -> None:
    await world.executor.started(slug)
    world.executor.finish(slug, quantum_seconds=1.0, **how)
    await world.clock.advance(1.0)


# --- logging in --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/users/token", "/product/token", "//users/token"])
async def test_a_key_is_exchanged_for_a_token(world: Any, path: str) -> None:
    reply = await world.platform("POST", path, token=None, json={"key": world.instances.ADA})

    assert (reply.status, list(reply.json)) == (200, ["accessToken"])


@pytest.mark.parametrize("body", [{"key": "wrong"}, {}, {"key": None}, {"key": ""}, {"key": 7}])
async def test_a_wrong_key_gets_no_token(world: Any, body: Any) -> None:
    reply = await world.platform("POST", "/users/token", token=None, json=body)

    assert reply.status in {400, 401}
    assert "key" in reply.json["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sdk"),
        ("POST", "/products/ibm-qiskit-runtime/resource/x/runtime_status"),
        ("GET", "/files/jobs/x/y/input_data.json"),
        ("GET", "/files/workspace/x"),
    ],
)
@pytest.mark.parametrize("token", [None, "None", "stale"])
async def test_a_stale_token_is_401_everywhere(
    world: Any, method: str, path: str, token: str | None
) -> None:
    if token == "stale":
        token = await world.login()
        await world.clock.advance(world.service.settings.token_seconds + 1)

    reply = await world.platform(method, path, token=token, json={"query": "{ __typename }"})

    assert reply.status == 401
    assert "credentials" in reply.body.decode()


async def test_a_token_outlives_the_half_minute_that_clients_keep_it(world: Any) -> None:
    token = await world.login()
    await world.clock.advance(600)

    assert (await world.graphql("{ workspace { slug } }", token=token))["workspace"]["slug"]


# --- the workspace -----------------------------------------------------------------------------


async def test_the_workspace_is_the_keys(world: Any) -> None:
    data = await world.graphql(wire.GET_WORKSPACE)

    workspace = wire.parse_workspace(data)
    assert (workspace.slug, workspace.name, workspace.disabled) == ("ada", "ada", False)


async def test_an_instance_is_a_resource_of_each_product(world: Any) -> None:
    data = await world.graphql(wire.GET_RESOURCES, {"first": 50})

    page = wire.parse_connection(data, "resources", wire.parse_resource)
    assert sorted(resource.product for resource in page.nodes) == [
        "ibm-qiskit-runtime",
        "ibm-qiskit-runtime",
        "ibm-quantum",
        "ibm-quantum",
    ]
    assert len({resource.slug for resource in page.nodes}) == 4
    assert not page.more


@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
async def test_resources_are_paged_at_any_size(world: Any, first: int) -> None:
    found, after, more = [], None, True
    while more:
        variables: Any = {"first": first, **({} if after is None else {"after": after})}
        data = await world.graphql(wire.GET_RESOURCES, variables)
        page = wire.parse_connection(data, "resources", wire.parse_resource)
        found += [resource.slug for resource in page.nodes]
        after, more = page.end_cursor, page.more

    assert len(found) == len(set(found)) == 4


async def test_what_another_key_has_is_invisible(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    mine, bob = await world.resource(), world.instances.BOB
    url = (await files_of(world, slug))["input_data.json"]

    status = await world.operate("runtime_status", {"job_slug": slug}, resource=mine, key=bob)
    own = await world.operate("runtime_status", {"job_slug": slug}, key=bob)
    file = await read(world, url, key=bob)
    tags = await world.platform(
        "POST",
        "/sdk",
        json=wire.graphql_request(wire.ADD_TAGS, workspace_slug="bob", job_slug=slug, tags=["x"]),
        key=bob,
    )

    assert [status.status, own.status, file.status] == [404, 404, 404]
    assert await node_of(world, slug, "slug", key=bob) is None
    assert "not found" in tags.json["errors"][0]["message"]


# --- submitting --------------------------------------------------------------------------------


async def test_the_input_is_there_before_the_submission_is_answered(world: Any) -> None:
    reply = await world.platform_job(PARAMS, tags=["t"], cost=60, log_level="WARNING")

    url = (await files_of(world, reply.json["slug"]))["input_data.json"]
    given = await wire.parse_input_file((await read(world, url)).body)

    assert (reply.status, given.params, given.channel) == (200, PARAMS, "ibm_cloud")
    assert (given.spec.tags, given.spec.max_execution_time) == (("t",), 60)


async def test_parameters_reach_the_program_byte_for_byte(world: Any) -> None:
    slug = (await world.platform_job(PARAMS)).json["slug"]

    same = await world.ask("GET", f"/jobs/{slug}")

    assert PARAMS in same.body


async def test_the_size_that_the_platform_tells_of_an_input_is_its_size(world: Any) -> None:
    slug = (await world.platform_job(PARAMS, session_id=await world.open())).json["slug"]

    node = await node_of(world, slug, "files { file { metaSizeBytes url } }")
    file = node["files"][0]["file"]

    assert len((await read(world, file["url"])).body) == file["metaSizeBytes"]


async def test_a_body_of_many_megabytes_is_nothing_special(world: Any) -> None:
    params = b'{"x": "' + b"\\u00e9y" * 1_000_000 + b'"}'

    slug = (await world.platform_job(params)).json["slug"]

    url = (await files_of(world, slug))["input_data.json"]
    assert (await wire.parse_input_file((await read(world, url)).body)).params == params


async def test_a_key_makes_a_repeated_submission_the_same_job(world: Any) -> None:
    headers = {"Idempotency-Key": "once"}

    first = await world.platform_job(headers=headers)
    again = await world.platform_job(headers=headers)
    other = await world.platform_job(b"{}", headers=headers)

    assert first.json["slug"] == again.json["slug"]
    assert (other.status, "new key" in other.json["message"]) == (409, True)


async def test_a_job_may_open_its_own_session_and_does_so_once(world: Any) -> None:
    headers = {"Idempotency-Key": "once"}
    given = {"start_session": True, "session_time": 60, "headers": headers}

    first = await world.platform_job(**given)
    again = await world.platform_job(**given)
    job = await world.ask("GET", f"/jobs/{first.json['slug']}")
    details = await world.operate("session_details", {"session_id": job.json["session_id"]})

    assert first.json["slug"] == again.json["slug"]
    assert (details.json["max_ttl"], details.json["mode"]) == (60, "dedicated")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"backend": "nowhere"}, 404),
        ({"program_id": "nothing"}, 404),
        ({"session_id": "none"}, 404),
        ({"tags": [7]}, 400),
        ({"cost": "much"}, 400),
    ],
)
async def test_what_cannot_be_submitted_says_why(world: Any, given: Any, status: int) -> None:
    reply = await world.platform_job(**given)

    assert (reply.status, bool(reply.json["message"])) == (status, True)


# --- how jobs end ------------------------------------------------------------------------------


async def test_the_result_is_there_encoded_twice_when_the_job_has_completed(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    result = rb'{ "a":"\u00e9\/" }'

    before = await files_of(world, slug)
    await ended(world, slug, result=result)
    status = await world.operate("runtime_status", {"job_slug": slug})
    after = await files_of(world, slug)
    file = await read(world, after["job_results.json"])

    assert "job_results.json" not in before
    assert (status.json, file.json) == ({"status": "COMPLETED"}, result.decode())
    assert await wire.parse_result_file(file.body) == result


async def test_a_failed_job_has_a_file_that_says_why(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    await world.executor.started(slug)
    world.executor.fail(slug, reason="it broke", reason_code=1517)
    await world.clock.advance(1.0)

    files = await files_of(world, slug)
    node = await node_of(world, slug, "status")
    failure = wire.parse_error_file((await read(world, files["error.json"])).body)

    assert (node["status"], "job_results.json" in files) == ("FAILED", False)
    assert "it broke" in failure.reason


async def test_a_job_that_ran_too_long_has_failed_and_says_so(world: Any) -> None:
    slug = (await world.platform_job(cost=1)).json["slug"]
    await world.executor.started(slug)
    world.executor.finish(slug, quantum_seconds=9.0)
    await world.clock.advance(9.0)

    files = await files_of(world, slug)
    status = await world.operate("runtime_status", {"job_slug": slug})
    failure = wire.parse_error_file((await read(world, files["error.json"])).body)

    assert (status.json["status"], failure.ran_too_long) == ("FAILED", True)


async def test_a_cancelled_job_has_no_result_and_is_not_cancelled_again(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]

    first = await world.operate("runtime_cancel", {"job_slug": slug, "channel": "ibm_cloud"})
    again = await world.operate("runtime_cancel", {"job_slug": slug})

    assert first.json == {"status": "CANCELLED"}
    assert (again.status, "already ended" in again.json["message"]) == (409, True)
    assert set(await files_of(world, slug)) == {"input_data.json", "logs.txt"}


async def test_statuses_are_the_platforms_words_and_no_others(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    seen = []
    for _ in range(2):
        seen.append((await world.operate("runtime_status", {"job_slug": slug})).json["status"])
        await world.executor.started(slug)
    world.executor.finish(slug, quantum_seconds=1.0, result=b"{}")
    await world.clock.advance(1.0)
    seen.append((await node_of(world, slug, "status"))["status"])

    assert set(seen) <= STATUSES
    assert seen[-1] == "COMPLETED"


async def test_a_file_that_is_not_there_is_404_and_names_those_that_are(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    url = (await files_of(world, slug))["input_data.json"]

    reply = await read(world, url.replace("input_data", "job_results"))

    assert reply.status == 404
    assert "input_data.json" in reply.json["message"]


async def test_looking_at_a_private_result_does_not_take_it(world: Any) -> None:
    slug = (await world.platform_job(private=True)).json["slug"]
    await ended(world, slug, result=b'{"a": 1}')
    path = (await files_of(world, slug))["job_results.json"].removeprefix(world.server.url)

    await world.platform("HEAD", path)
    first = await world.platform("GET", path)
    second = await world.platform("GET", path)

    assert (first.json, second.status) == ('{"a": 1}', 404)


# --- backends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{"name": "ideal_5"}, {"backend_name": "ideal_5"}])
async def test_a_configuration_is_found_by_either_spelling_of_the_name(
    world: Any, payload: Any
) -> None:
    reply = await world.operate("runtime_backend_config", payload)

    needed = {
        "backend_name", "backend_version", "n_qubits", "basis_gates", "gates", "local",
        "simulator", "conditional", "open_pulse", "memory", "max_shots", "coupling_map",
        "online_date",
    }  # fmt: skip
    assert needed <= set(reply.json)
    assert (await world.operate("runtime_backend_config", {})).status == 400


async def test_properties_are_there_even_where_there_are_no_figures(world: Any) -> None:
    reply = await world.operate(
        "runtime_backend_properties", {"backend_name": "ideal_5", "datetime": None}
    )

    assert reply.json["last_update_date"].endswith("Z")
    assert len(reply.json["qubits"]) == 5
    told = await world.operate(
        "runtime_backend_properties", {"backend_name": "ideal_5"}, headers={"Swqr-Wire": "1"}
    )
    assert told.json is None


async def test_what_has_no_pulses_answers_an_empty_object(world: Any) -> None:
    reply = await world.operate("runtime_backend_pulse_defaults", {"backend_name": "ideal_5"})

    assert (reply.status, reply.json) == (200, {})


async def test_a_backend_that_is_not_there_names_near_ones(world: Any) -> None:
    operation = await world.operate("runtime_backend_config", {"name": "ideal5"})
    asked = await world.platform(
        "POST", "/sdk", json=wire.graphql_request(wire.GET_BACKEND, slug="ideal5")
    )

    assert (operation.status, "ideal_5" in operation.json["message"]) == (404, True)
    assert (asked.status, asked.json["data"]) == (200, None)
    assert "ideal_5" in asked.json["errors"][0]["message"]


async def test_an_error_of_any_shape_is_told_in_graphql(world: Any) -> None:
    # This error has a field that the GraphQL library takes for a place in the document.
    reply = await world.platform(
        "POST", "/sdk", json=wire.graphql_request(wire.GET_BACKEND, slug="ibm_needs_extras")
    )

    assert (reply.status, "swqr[qiskit]" in reply.json["errors"][0]["message"]) == (200, True)


async def test_one_backend_is_told_with_its_configuration(world: Any) -> None:
    data = await world.graphql(wire.GET_BACKEND, {"slug": "ideal_7"})

    record = wire.parse_backend_node(data["backend"])
    assert record.data is not None
    assert (record.name, record.data["n_qubits"]) == ("ideal_7", 7)


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 2),
        ({"product_slugs": "ibm-qiskit-runtime"}, 2),
        ({"product_slugs": ["ibm-quantum"]}, 2),
        ({"product_slugs": [], "backend_statuses": [], "backend_tags": []}, 2),
        ({"product_slugs": ["other"]}, 0),
        ({"backend_statuses": "ONLINE"}, 2),
        ({"backend_statuses": ["OFFLINE", "RETIRED"]}, 0),
        ({"backend_type_slugs": ["ibm_cloud"]}, 2),
        ({"backend_type_slugs": ["ibm_cloud"], "product_slugs": ["ibm-quantum"]}, 0),
        ({"backend_type_slugs": ["another"]}, 0),
        ({"backend_tags": ["x"]}, 0),
    ],
)
async def test_backends_are_filtered(world: Any, variables: Any, count: int) -> None:
    data = await world.graphql(wire.GET_BACKENDS, variables)

    assert len(wire.parse_backend_nodes(data)) == count


async def test_the_options_of_old_primitives_are_sorted_by_who_reads_them(world: Any) -> None:
    combined = {"resilience_level": 1, "log_level": "INFO", "environment": {"job_tags": ["a"]}}

    reply = await world.operate("runtime_backends", {"combined": combined, "name": None})

    assert reply.json == {
        "inputs": {"resilience_level": 1},
        "outputs": {"log_level": "INFO", "job_tags": ["a"]},
    }


# --- sessions ----------------------------------------------------------------------------------


async def test_a_session_opens_carries_its_jobs_and_closes(world: Any) -> None:
    opening = {
        "backend": "ideal_5", "instance": None, "max_time": 300, "channel": "ibm_cloud",
        "mode": "dedicated",
    }  # fmt: skip
    session = (await world.operate("create_session", opening)).json
    slug = (await world.platform_job(session_id=session["id"])).json["slug"]
    given = (await read(world, (await files_of(world, slug))["input_data.json"])).json
    await world.executor.started(slug)

    closed = await world.operate("close_session", {"session_id": session["id"]})
    refused = await world.platform_job(session_id=session["id"])
    draining = await world.operate("session_details", {"session_id": session["id"]})
    await ended(world, slug, result=b"{}")
    details = await world.operate("session_details", {"session_id": session["id"]})

    assert given["ibm_data"] == {"session_id": session["id"]}
    assert (closed.status, closed.json) == (200, {})
    assert refused.status == 409
    assert (draining.json["accepting_jobs"], draining.json["max_ttl"]) == (False, 300)
    assert details.json["state"] == "closed"
    for name in ("interactive_ttl", "active_ttl", "activated_at", "last_job_completed"):
        assert name in details.json


async def test_a_batch_opens_too(world: Any) -> None:
    reply = await world.operate("create_session", {"backend": "ideal_5", "mode": "batch"})

    assert reply.json["mode"] == "batch"


@pytest.mark.parametrize("operation", ["session_details", "close_session", "cancel_session"])
async def test_a_session_that_is_not_there_is_404(world: Any, operation: str) -> None:
    assert (await world.operate(operation, {"session_id": "none"})).status == 404
    assert (await world.operate(operation, {})).status == 400


async def test_a_session_is_stopped_by_an_operation_of_ours(world: Any) -> None:
    session_id = await world.open()

    stopped = await world.operate("cancel_session", {"session_id": session_id})
    details = await world.operate("session_details", {"session_id": session_id})

    assert (stopped.json, details.json["state"]) == ({}, "closed")


# --- addresses ---------------------------------------------------------------------------------


async def test_a_resource_answers_under_its_own_product_alone(world: Any) -> None:
    path = await world.resource()
    wrong = path.replace("ibm-qiskit-runtime", "ibm-quantum")

    reply = await world.operate("runtime_status", {"job_slug": "x"}, resource=wrong)

    assert (reply.status, path.rpartition("/")[2] in reply.json["message"]) == (404, True)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_operation_is_told_which_there_are(world: Any, method: str) -> None:
    reply = await world.platform(method, f"{await world.resource()}/fly")

    assert (reply.status, "create_runtime_job" in reply.json["message"]) == (404, True)


async def test_two_slashes_at_the_beginning_are_one(world: Any) -> None:
    path = f"/{await world.resource()}/runtime_backend_config"

    reply = await world.platform("POST", path, json={"name": "ideal_5"})

    assert reply.status == 200


async def test_both_products_do_the_same_work_and_name_their_channel(world: Any) -> None:
    quantum = await world.resource(at=2)
    slug = (await world.platform_job(resource=quantum)).json["slug"]

    query = """query q($p: [String!]) { workspace { jobs(productSlugs: $p) {
        edges { node { slug resource { product { slug } } files { file { url } } } } } } }"""
    data = await world.graphql(query, {"p": "ibm-quantum"})
    node = data["workspace"]["jobs"]["edges"][0]["node"]
    given = (await read(world, node["files"][0]["file"]["url"])).json

    assert "ibm-quantum" in quantum
    assert (node["slug"], node["resource"]["product"]["slug"]) == (slug, "ibm-quantum")
    assert given["channel"] == given["job"]["channel"] == "ibm_quantum"


async def test_addresses_of_files_are_of_the_origin_that_the_client_used(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    query = JOB % (json.dumps(slug), "files { file { url } }")

    data = await world.graphql(query, headers={"Host": "localhost:1234"})

    node = data["workspace"]["jobs"]["edges"][0]["node"]
    assert node["files"][0]["file"]["url"].startswith("http://localhost:1234/")


# --- tags and files ----------------------------------------------------------------------------


async def add_tags(world: Any, slug: str, *tags: str, workspace: str = "ada") -> Any:
    body = wire.graphql_request(
        wire.ADD_TAGS, workspace_slug=workspace, job_slug=slug, tags=list(tags)
    )
    return (await world.platform("POST", "/sdk", json=body)).json


async def test_tags_are_added_once_and_found(world: Any) -> None:
    slug = (await world.platform_job(tags=["a"])).json["slug"]
    other = (await world.platform_job(tags=["c"])).json["slug"]

    await add_tags(world, slug, "b", "a")
    answer = await add_tags(world, slug, "b")
    found = {}
    for tags in ("a", ["b", "c"], ["x"]):
        data = await world.graphql(wire.GET_JOBS, {"tags": tags, "first": 50})
        page = wire.parse_connection(data, "jobs", wire.parse_job_node)
        found[str(tags)] = [record.slug for record in page.nodes]

    assert wire.parse_tags_answer(answer["data"]) == ("a", "b")
    assert found == {"a": [slug], "['b', 'c']": [other, slug], "['x']": []}


async def test_tags_that_cannot_be_added_say_why(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]

    unknown = await add_tags(world, "none", "a")
    foreign = await add_tags(world, slug, "a", workspace="bob")
    many = await add_tags(world, slug, *"abcdefghi")

    assert "job 'none' not found" in unknown["errors"][0]["message"]
    assert "workspace 'bob' not found" in foreign["errors"][0]["message"]
    assert "8" in many["errors"][0]["message"]
    assert (await node_of(world, slug, "tags { tag { tag } }"))["tags"] == []


async def announce(world: Any, **given: Any) -> wire.FileUpload:
    variables = {**wire.upload_variables("ada", "x.txt", content_type="text/plain"), **given}
    return wire.parse_upload(await world.graphql(wire.UPLOAD_FILE, variables))


async def put(world: Any, url: str, data: bytes, **headers: str) -> Any:
    kind = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    path = url.removeprefix(world.server.url)
    return await world.platform("PUT", path, token=None, data=io.BytesIO(data), headers=kind)


async def test_an_upload_that_looks_like_a_form_is_taken_as_the_bytes_it_is(world: Any) -> None:
    upload = await announce(world)
    data = b"a=1&b=%20+\xff" * 200_000

    early = await read(world, upload.file.url or "")
    written = await put(world, upload.signed_url, data)
    found = await read(world, upload.file.url or "")
    public = await read(world, upload.file.url or "", token=None)
    foreign = await read(world, upload.file.url or "", key=world.instances.BOB)

    assert upload.signed_url.startswith(world.server.url)
    assert (early.status, written.status, found.body) == (404, 200, data)
    assert (public.status, foreign.status) == (401, 404)
    assert found.headers["Content-Security-Policy"] == "sandbox"


async def test_a_public_file_is_for_everybody(world: Any) -> None:
    upload = await announce(world, is_public=True)
    await put(world, upload.signed_url, b"hello")

    assert (await read(world, upload.file.url or "", token=None)).body == b"hello"


async def test_only_the_signed_address_may_be_written_to_and_only_for_a_while(world: Any) -> None:
    upload = await announce(world)
    bare, _, _ = upload.signed_url.partition("?")

    refused = [
        await put(world, bare, b"x"),
        await put(world, upload.signed_url[:-1] + "z", b"x"),
        await put(world, upload.signed_url.replace("expires=", "expires=9"), b"x"),
    ]
    await world.clock.advance(world.service.settings.token_seconds + 1)
    late = await put(world, upload.signed_url, b"x")

    assert [reply.status for reply in refused] == [403, 403, 403]
    assert (late.status, "over" in late.json["message"]) == (403, True)


@pytest.mark.parametrize("query", ["", "&".join(f"a{n}=1" for n in range(30))])
async def test_an_address_that_was_never_signed_is_refused_whatever_its_query(
    world: Any, query: str
) -> None:
    reply = await put(world, f"{world.server.url}/files/uploads/x?{query}", b"x")

    assert reply.status == 403


async def test_what_was_announced_and_never_written_takes_no_place_for_ever(world: Any) -> None:
    kept = await announce(world)
    await put(world, kept.signed_url, b"kept")
    shelf = world.service.platform.shelf
    workspace = (await world.graphql("{ workspace { id } }"))["workspace"]["id"]
    file = FileAnnounced(name="never.txt", content_type="text/plain")
    for _ in range(999):
        shelf.announce(workspace, file)
    with pytest.raises(LimitExceededError):
        shelf.announce(workspace, file)

    await world.clock.advance(2 * 3600)

    assert (await announce(world)).signed_url
    assert (await read(world, kept.file.url or "")).body == b"kept"


class TestSmallShelf:
    @pytest.fixture
    def settings(self) -> ServerSettings:
        return ServerSettings(workspace_bytes=2048)

    async def test_a_full_workspace_takes_no_more(self, world: Any) -> None:
        first, second = await announce(world), await announce(world)

        await put(world, first.signed_url, b"x" * 1500)
        full = await put(world, second.signed_url, b"x" * 1500)
        huge = await put(world, second.signed_url, b"x" * 4000)

        assert (full.status, huge.status) == (409, 413)


# --- listing -----------------------------------------------------------------------------------


async def finished(world: Any, number: int) -> list[str]:
    """Submit so many jobs at one moment, and let them run one after the other."""
    slugs = [await world.submit() for _ in range(number)]
    for slug in slugs:
        world.executor.finish(slug, quantum_seconds=1.0)
    await world.clock.advance(number + 1.0)
    return slugs


@pytest.mark.parametrize("first", [1, 2, 3, 7, 50])
async def test_jobs_are_paged_at_any_size_whatever_happens_meanwhile(
    world: Any, first: int
) -> None:
    slugs = []
    for number in (1, 3, 1, 2):  # some are of one moment
        slugs += await finished(world, number)
    found, after, more = [], None, True
    while more:
        variables: Any = {"first": first, **({} if after is None else {"after": after})}
        data = await world.graphql(wire.GET_JOBS, variables)
        page = wire.parse_connection(data, "jobs", wire.parse_job_node)
        found += [record.slug for record in page.nodes]
        after, more = page.end_cursor, page.more
        await finished(world, 1)  # newer than all that is still to come

    assert sorted(found[:7]) == sorted(slugs)
    assert len(found) == 7


async def test_empty_lists_filter_nothing_and_bare_words_stand_for_lists(world: Any) -> None:
    slug = (await world.platform_job()).json["slug"]
    resource = (await world.resource()).rpartition("/")[2]
    found = []
    variables: Any
    for variables in (
        {"resource_slugs": [], "product_slugs": [], "statuses": [], "tags": []},
        {"resource_slugs": resource, "product_slugs": "ibm-qiskit-runtime"},
        {"statuses": ["RUNNING", "QUEUED"]},
        {"statuses": "COMPLETED"},
        {"statuses": "CREATED"},
        {"resource_slugs": "other"},
        {"job_slug": slug, "statuses": ["FAILED"]},
        {"job_slug": "none"},
    ):
        data = await world.graphql(wire.GET_JOBS, variables)
        found.append(len(data["workspace"]["jobs"]["edges"]))

    assert found == [1, 1, 1, 0, 0, 0, 0, 0]


async def test_jobs_of_all_instances_are_in_one_list(world: Any) -> None:
    one = (await world.platform_job()).json["slug"]
    two = (await world.platform_job(resource=await world.resource(at=1))).json["slug"]

    data = await world.graphql(wire.GET_JOBS, {"first": 50})

    page = wire.parse_connection(data, "jobs", wire.parse_job_node)
    assert {record.slug for record in page.nodes} == {one, two}
    assert len({record.resource.slug for record in page.nodes if record.resource}) == 2


# --- clients of ours ---------------------------------------------------------------------------


async def test_a_client_of_ours_is_told_everything(world: Any) -> None:
    ours = {"Swqr-Wire": "1"}
    submitted = await world.platform_job(PARAMS, headers=ours)
    slug = submitted.json["slug"]
    reply = await world.platform(
        "POST", "/sdk", json=wire.graphql_request(wire.GET_JOBS, job_slug=slug), headers=ours
    )
    answer = wire.parse_answer(reply.body)
    status = await world.operate("runtime_status", {"job_slug": slug}, headers=ours)
    wrong = await world.operate("runtime_status", {"job_slug": "none"}, headers=ours)

    record = wire.parse_connection(answer.data, "jobs", wire.parse_job_node).nodes[0]
    job = wire.job_from(record, answer.documents("jobs")[slug])
    assert job == wire.parse_job_status(status.json).job
    assert job.params is not None
    assert job.params.size == len(PARAMS)
    assert isinstance(wire.parse_refusal(wrong.body).error, JobNotFoundError)
    reply = await world.platform(
        "POST", "/sdk", json=wire.graphql_request(wire.GET_BACKEND, slug="x"), headers=ours
    )
    assert isinstance(wire.parse_answer(reply.body).errors[0].error, BackendNotFoundError)


async def test_the_workspace_tells_a_client_of_ours_what_can_be_done(world: Any) -> None:
    reply = await world.platform(
        "POST", "/sdk", json=wire.graphql_request(wire.GET_WORKSPACE), headers={"Swqr-Wire": "1"}
    )

    assert wire.parse_answer(reply.body).documents("capabilities")["idempotent_submit"] is True
    assert (
        "extensions"
        not in (
            await world.platform("POST", "/sdk", json=wire.graphql_request(wire.GET_WORKSPACE))
        ).json
    )


async def test_a_server_that_goes_down_takes_no_new_work(world: Any) -> None:
    world.service.draining = True

    job = await world.platform_job()
    session = await world.operate("create_session", {"backend": "ideal_5"})

    assert (job.status, session.status) == (503, 503)
    assert "going down" in job.json["message"]


async def test_a_fault_rule_speaks_as_the_platform_does(world: Any) -> None:
    await world.ask("POST", "/faults", base="/_swqr", json={"path": "/sdk", "status": 502})

    reply = await world.platform("POST", "/sdk", json={"query": "{ __typename }"})

    assert (reply.status, "fault rule" in reply.json["errors"][0]["message"]) == (502, True)
