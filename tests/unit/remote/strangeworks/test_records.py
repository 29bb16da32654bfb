"""Jobs and resources as the SDK's own records, for code that is written for them."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.remote.strangeworks.conftest import PRODUCT, RESOURCE, Platform

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.errors import JobNotFoundError, MissingExtraError, ProtocolError
from swqr_core.model.job import JobSpec

sdk = pytest.importorskip("strangeworks.core.client.jobs")
sdk_types = pytest.importorskip("strangeworks_core.types.job")
sdk_resources = pytest.importorskip("strangeworks_core.types.resource")


async def test_the_resource_is_the_one_that_the_sdk_lists(transport: StrangeworksTransport) -> None:
    resource = await transport.sdk_resource()

    assert isinstance(resource, sdk_resources.Resource)
    assert (resource.slug, resource.product.slug, resource.is_deleted) == (RESOURCE, PRODUCT, False)
    assert resource.proxy_url("run") == f"/products/{PRODUCT}/resource/{RESOURCE}/run"


async def test_a_job_is_the_one_that_the_sdk_lists(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j", childJobs=[{"slug": "c", "status": "RUNNING", "files": []}])
    platform.finish("j")

    job = await transport.sdk_job("j")

    assert isinstance(job, sdk.Job)
    assert (job.slug, job.external_identifier) == ("j", "ibm-j")
    assert (job.status, job.is_terminal_state) == (sdk_types.Status.COMPLETED, True)
    assert job.resource.slug == RESOURCE
    assert [file.file_name for file in job.list_files()] == ["input_data.json", "job_results.json"]
    assert [child.status for child in job.child_jobs] == [sdk_types.Status.RUNNING]


async def test_its_tags_are_the_user_s(transport: StrangeworksTransport, spec: JobSpec) -> None:
    submitted = await transport.submit(spec, b"{}", key="k")

    record = await transport.sdk_job(submitted.id)

    assert record.tags == list(submitted.spec.tags)


@pytest.mark.parametrize(
    ("told", "status", "ended"),
    [
        ({"status": "PAUSED"}, "PAUSED", False),
        ({"status": "PAUSED", "remoteStatus": "waiting"}, "waiting", False),
        ({"status": "ARCHIVED", "isTerminalState": True}, "ARCHIVED", True),
    ],
)
async def test_a_status_that_the_sdk_does_not_know_is_kept(
    platform: Platform,
    transport: StrangeworksTransport,
    told: dict[str, Any],
    status: str,
    ended: bool,
) -> None:
    child = {"slug": "c", "files": [], **told}
    platform.add_job("j", **{"childJobs": [child], **told})

    job = await transport.sdk_job("j")

    for one in (job, job.child_jobs[0]):
        assert (one.status, one.remote_status, one.is_terminal_state) == (None, status, ended)


async def test_what_the_sdk_cannot_hold_is_told_without_being_shown(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j", jobData="not an object")

    with pytest.raises(ProtocolError, match=r"job 'j' cannot be a record of the SDK") as caught:
        await transport.sdk_job("j")
    assert "not an object" not in str(caught.value)
    assert (await transport.job("j")).id == "j"  # ours holds it


async def test_an_unknown_job_is_not_found(transport: StrangeworksTransport) -> None:
    with pytest.raises(JobNotFoundError, match="'nobody'"):
        await transport.sdk_job("nobody")


@pytest.mark.parametrize("ask", [lambda t: t.sdk_resource(), lambda t: t.sdk_job("j")])
async def test_without_the_sdk_its_extra_is_named(
    platform: Platform,
    transport: StrangeworksTransport,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Any], Any],
) -> None:
    platform.add_job("j")
    for name in [name for name in sys.modules if name.startswith("strangeworks")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "strangeworks", None)
    monkeypatch.setitem(sys.modules, "strangeworks_core", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'swqr\[strangeworks\]'"):
        await ask(transport)
