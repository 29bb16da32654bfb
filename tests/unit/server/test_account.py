"""Who asks: tokens, instances, discovery, usage, accounts and workloads."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from yarl import URL

from swqr_adapters.server.routes import workloads
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_adapters.wire.ibm import job_workload
from swqr_core.clock import VirtualClock

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


async def token_of(world: Any, key: str, prefix: str = "") -> Any:
    form = {"grant_type": GRANT, "apikey": key, "response_type": "cloud_iam"}
    return await world.ask(
        "POST", "/identity/token", base=prefix, key=None, crn=None, version=None, data=form
    )


# --- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/iam", "/some/where/else", "/api/v1"])
async def test_a_token_is_a_jwt_with_times_under_any_prefix(world: Any, prefix: str) -> None:
    answer = (await token_of(world, world.instances.ADA, prefix)).json

    header, payload, _ = answer["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert "alg" in json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    assert claims["exp"] - claims["iat"] == answer["expires_in"] == 3600
    assert answer["expiration"] == claims["exp"]
    assert claims["account"]["bss"] == "acc"
    assert claims["iam_id"] == "IBMid-ada"
    assert (answer["token_type"], answer["refresh_token"]) == ("Bearer", "not_supported")
    assert world.instances.ADA not in answer["access_token"]


async def test_a_token_opens_what_its_key_opens(world: Any) -> None:
    token = (await token_of(world, world.instances.ADA)).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    mine = await world.ask("GET", "/backends", headers=headers)
    not_mine = await world.ask("GET", "/backends", headers=headers, crn=world.instances.OTHER.id)

    assert (mine.status, not_mine.status) == (200, 404)


async def test_a_token_that_expired_while_the_machine_slept_opens_nothing(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await token_of(world, world.instances.ADA)).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    before = await world.ask("GET", "/backends", headers=headers)
    woken = world.clock.now() + timedelta(hours=8)
    monkeypatch.setattr(VirtualClock, "now", lambda clock: woken)  # and monotonic() stood still
    after = await world.ask("GET", "/backends", headers=headers)

    assert (before.status, after.status) == (200, 401)


@pytest.mark.parametrize("key", ["wrong", "", "x" * 5000, "\u00e9"])
async def test_an_unknown_key_gets_iams_own_refusal(world: Any, key: str) -> None:
    reply = await token_of(world, key)

    assert reply.status == 400
    assert reply.json["errorCode"] == "BXNIM0415E"
    assert reply.json["errorMessage"]


async def test_another_grant_is_refused(world: Any) -> None:
    form = {"grant_type": "password", "apikey": world.instances.ADA}
    reply = await world.ask("POST", "/identity/token", base="", data=form)

    assert (reply.status, reply.json["errorCode"]) == (400, "BXNIM0109E")


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "apikey wrong", "Basic abc", "Bearer a.b.c", "Bearer ", ""]
)
async def test_bad_credentials_are_401_with_1201(world: Any, header: str) -> None:
    reply = await world.ask("GET", "/backends", headers={"Authorization": header})

    assert (reply.status, reply.error["code"]) == (401, 1201)


async def test_a_key_is_good_in_all_its_forms(world: Any) -> None:
    key = world.instances.ADA
    replies = [
        await world.ask("GET", "/backends", key=None, headers=headers)
        for headers in (
            {"Authorization": f"apikey {key}"},
            {"Authorization": f"Apikey {key}"},
            {"Authorization": f"Bearer {key}"},
            {"X-Access-Token": key},
        )
    ]

    assert [reply.status for reply in replies] == [200] * 4


# --- instances ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crn", "status", "code"),
    [
        (None, 400, 1241),
        ("hub/group/project", 400, 1348),
        ("crn:v1:too:short", 400, 1348),
        ("crn:v1:bluemix:public:quantum-computing:us-east:a/acc:unknown::", 404, 1279),
        ("crn:v1:bluemix:public:quantum-computing:us-east:a/acc:other::", 404, 1279),
    ],
)
async def test_an_instance_that_cannot_be_is_refused(
    world: Any, crn: str | None, status: int, code: int
) -> None:
    reply = await world.ask("GET", "/backends", crn=crn)

    assert (reply.status, reply.error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("quantum.cloud.test", 200),
        ("us-east.quantum.cloud.test", 200),
        ("eu-de.quantum.cloud.test", 404),
        ("private.eu-de.quantum.cloud.test", 404),
        ("localhost:8787", 200),
    ],
)
async def test_a_regions_host_serves_that_regions_instances(
    world: Any, host: str, status: int
) -> None:
    reply = await world.ask("GET", "/backends", headers={"Host": host})

    assert reply.status == status


@pytest.mark.parametrize("base", ["/api/v1", "/experimental/api/v1", "/a/b/c/api/v1", ""])
async def test_the_interface_is_under_any_prefix(world: Any, base: str) -> None:
    assert (await world.ask("GET", "/backends", base=base)).status == 200


async def test_usage_has_no_limit_that_is_null(world: Any) -> None:
    await world.run()

    free = (await world.ask("GET", "/instances/usage")).json
    limited = (await world.ask("GET", "/instances/usage", crn=world.instances.TWO.id)).json

    assert free["usage_consumed_seconds"] == 2.5
    assert free["instance_id"] == world.instances.ONE.id
    assert "usage_limit_seconds" not in free
    assert "usage_limit_reached" not in free
    assert (limited["usage_limit_seconds"], limited["usage_limit_reached"]) == (600.0, False)


async def test_an_instance_tells_its_limits_as_text(world: Any) -> None:
    document = (await world.ask("GET", "/instance", crn=world.instances.TWO.id)).json

    assert document["backends"] == ["ideal_5", "ideal_7"]
    assert document["instance_limit_seconds"] == "600"
    assert document["plan_id"]


async def test_a_limit_is_not_set_over_the_wire(world: Any) -> None:
    shown = await world.ask("GET", "/instances/configuration", crn=world.instances.TWO.id)
    reply = await world.ask("PUT", "/instances/configuration", json={"instance_limit": 5})

    assert shown.json == {"instance_limit": 600.0}
    assert (reply.status, reply.error["code"]) == (403, 1200)


async def test_where_no_usage_is_told_clients_get_no_figures_and_may_go_on(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = evolve(world.cloud.transport().capabilities, usage=False)
    monkeypatch.setattr(MemoryTransport, "capabilities", silent)

    used = await world.ask("GET", "/instances/usage")
    rest = [
        await world.ask("GET", path)
        for path in ("/instance", "/instances/configuration", "/accounts/acc")
    ]

    assert (used.status, sorted(used.json)) == (200, ["instance_id", "plan_id"])
    assert [reply.status for reply in rest] == [200, 200, 200]


async def test_an_account_tells_its_plans(world: Any) -> None:
    document = (await world.ask("GET", "/accounts/acc")).json

    assert {plan["subscription_name"] for plan in document["plans"]} == {"internal", "open"}
    assert all(plan["backends"] for plan in document["plans"])


async def test_an_unknown_account_has_the_default_plan(world: Any) -> None:
    reply = await world.ask("GET", "/accounts/nobody")

    assert reply.status == 200
    assert len(reply.json["plans"]) == 1


async def test_plans_can_be_asked_for_one_by_one(world: Any) -> None:
    plans = (await world.ask("GET", "/accounts/acc")).json["plans"]
    one = plans[0]["plan_id"]

    assert (await world.ask("GET", f"/accounts/acc?plan_id={one}")).json["plans"] == plans[:1]


# --- discovery ---------------------------------------------------------------------------------


async def search(world: Any, query: str = "", **body: Any) -> Any:
    document = {"query": "service_name:quantum-computing", "fields": ["crn", "name"], **body}
    return await world.ask(
        "POST", f"/v3/resources/search{query}", base="", crn=None, version=None, json=document
    )


async def test_search_finds_the_senders_instances(world: Any) -> None:
    items = (await search(world)).json["items"]

    assert [item["name"] for item in items] == ["one", "two"]
    assert [item["crn"] for item in items] == [world.instances.ONE.id, world.instances.TWO.id]
    assert items[0]["tags"] == ["red"]
    assert all(item["doc"]["extensions"] and item["service_plan_unique_id"] for item in items)


async def test_search_goes_on_with_its_cursor(world: Any) -> None:
    first = (await search(world, "?limit=1")).json
    second = (await search(world, "?limit=1", search_cursor=first["search_cursor"])).json

    assert [first["items"][0]["name"], second["items"][0]["name"]] == ["one", "two"]
    assert "search_cursor" not in second


async def test_search_needs_credentials(world: Any) -> None:
    reply = await world.ask("POST", "/v3/resources/search", base="", key=None, json={})

    assert reply.status == 401


@pytest.mark.parametrize(
    ("host", "path"), [("globalcatalog.cloud.test", "/api/v1/"), (None, "/x/api/v1/")]
)
async def test_the_catalogue_tells_plan_and_pricing(
    world: Any, host: str | None, path: str
) -> None:
    item = (await search(world)).json["items"][1]
    headers = {} if host is None else {"Host": host}

    plan = await world.ask(
        "GET", f"{path}{item['service_plan_unique_id']}", base="", headers=headers
    )

    assert plan.json["overview_ui"]["en"]["display_name"].lower() == "open"
    assert plan.json["metadata"]["pricing"]["type"] == "free"


async def test_an_unknown_plan_is_404(world: Any) -> None:
    assert (await world.ask("GET", "/no-such-plan")).status == 404


@pytest.mark.parametrize("wanted", ["one", "CRN"])
async def test_the_resource_controller_finds_by_name_and_crn(world: Any, wanted: str) -> None:
    word = world.instances.ONE.id if wanted == "CRN" else wanted
    query = URL.build(query={"name": word}).raw_query_string

    found = await world.ask("GET", f"/v2/resource_instances?{query}", base="")

    assert [entry["crn"] for entry in found.json["resources"]] == [world.instances.ONE.id]


async def test_the_resource_controller_gives_one_instance_by_its_crn(world: Any) -> None:
    word = world.instances.TWO.id.replace("/", "%2F")

    found = await world.ask("GET", f"/v2/resource_instances/{word}", base="")
    missing = await world.ask("GET", "/v2/resource_instances/other", base="")

    assert found.json["name"] == "two"
    assert missing.status == 404


# --- workloads ---------------------------------------------------------------------------------


async def test_workloads_are_sessions_batches_and_the_jobs_outside_of_them(world: Any) -> None:
    alone = await world.run(tags=["t"])
    session_id = await world.open()
    await world.submit(session_id=session_id)

    page = (await world.ask("GET", "/workloads")).json

    assert [(w["id"], w["mode"], w["status"]) for w in page["workloads"]] == [
        (alone, "job", "completed"),
        (session_id, "session", "in_progress"),
    ]
    assert (page["total_count"], page["limit"]) == (2, 10)
    assert page["workloads"][0]["accepting_jobs"] is None
    assert page["workloads"][0]["usage"]["qpu_charge_time_seconds"] == 2.5


async def test_workloads_are_paged_by_cursors_that_stay_good(world: Any) -> None:
    ids = [await world.run() for _ in range(5)]
    seen, path = [], "/workloads?limit=2&sort=-createdAt"
    for _ in range(3):
        page = (await world.ask("GET", path)).json
        seen.append([workload["id"] for workload in page["workloads"]])
        path = page.get("next", {}).get("href", "").partition("/api/v1")[2]
        await world.run()  # newer ones do not disturb the order

    assert seen == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_a_page_of_workloads_leads_back(world: Any) -> None:
    for _ in range(3):
        await world.run()
    first = (await world.ask("GET", "/workloads?limit=2")).json
    second = (await world.ask("GET", first["next"]["href"].partition("/api/v1")[2])).json

    back = (await world.ask("GET", second["previous"]["href"].partition("/api/v1")[2])).json

    assert back["workloads"] == first["workloads"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("mode=job", 1), ("mode=session", 1), ("mode=batch", 0), ("status=completed", 1),
        ("status=completed&status=pending", 2), ("tags=t", 1), ("search=tagged", 1),
        ("backend=ideal_7", 0), ("created_after=2030-01-01", 0), ("user=me", 2),
    ],
)  # fmt: skip
async def test_workloads_are_filtered(world: Any, query: str, count: int) -> None:
    await world.run(tags=["t", "is-tagged"])
    await world.open()

    assert (await world.ask("GET", f"/workloads?{query}")).json["total_count"] == count


async def test_of_many_workloads_those_on_the_page_alone_become_documents(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(12):
        await world.submit()
    made: list[str] = []

    def document(job: Any) -> Any:
        made.append(job.id)
        return job_workload(job)

    monkeypatch.setattr(workloads, "job_workload", document)

    page = (await world.ask("GET", "/workloads?limit=3&search=job")).json

    assert (page["total_count"], [one["id"] for one in page["workloads"]]) == (12, made)


@pytest.mark.parametrize("query", ["status=x", "mode=x", "sort=x", "next=x", "previous=%2525"])
async def test_a_workload_query_that_says_nothing_is_refused(world: Any, query: str) -> None:
    assert (await world.ask("GET", f"/workloads?{query}")).status == 400
