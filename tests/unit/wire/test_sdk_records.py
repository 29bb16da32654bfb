"""The SDK's typed records, the oracle for ours: they read what we write, and say what ours say."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.wire.test_strangeworks import RECORDS, RESOURCES, maybe

from swqr_adapters.wire import strangeworks as sw

sdk_job = pytest.importorskip("strangeworks_core.types.job")
sdk_resource = pytest.importorskip("strangeworks_core.types.resource")

CHILDREN = st.lists(
    RECORDS.map(lambda record: sw.job_node(evolve(record, children=()))), max_size=2
)


def as_the_sdk_reads(node: dict[str, Any]) -> Any:
    """Return the SDK's record of a job; it takes tags out of their nests before."""
    plain = {**node, "tags": [entry["tag"]["tag"] for entry in node["tags"]]}
    children = [{**child, "tags": None} for child in node["childJobs"]]
    return sdk_job.Job.from_dict({**plain, "childJobs": children})


@given(RESOURCES)
def test_a_resource_is_read_alike(resource: sw.Resource) -> None:
    theirs = sdk_resource.Resource.from_dict(sw.resource_node(resource))

    assert (theirs.slug, theirs.product.slug) == (resource.slug, resource.product)
    assert theirs.is_deleted == resource.deleted


@given(RECORDS, CHILDREN, maybe(st.booleans()))
def test_a_job_is_read_alike(
    record: sw.JobRecord, children: list[dict[str, Any]], ended: bool | None
) -> None:
    node = {**sw.job_node(record), "childJobs": children, "isTerminalState": ended}

    ours, theirs = sw.parse_job_node(node), as_the_sdk_reads(node)

    assert (ours.slug, ours.status) == (theirs.slug, theirs.status.value)
    assert ours.state.ended == theirs.get_sw_status().is_terminal_state
    assert (ours.external_id, ours.tags) == (theirs.external_identifier, tuple(theirs.tags))
    assert (ours.created_at, ours.updated_at) == (theirs.date_created, theirs.date_updated)
    assert [(file.slug, file.name, file.url, file.size) for file in ours.files] == [
        (one.file.slug, one.file.file_name, one.file.url, one.file.file_size_bytes)
        for one in theirs.files
    ]
    assert len(theirs.child_jobs) == len(ours.children)


def test_what_the_sdk_s_record_refuses_or_drops_is_kept_by_ours() -> None:
    """Why the records are not what the transport is made of."""
    node = {**sw.job_node(sw.JobRecord(slug="j", status="COMPLETED")), "priority": 3}

    with pytest.raises(ValueError, match="'PAUSED'"):
        as_the_sdk_reads({**node, "status": "PAUSED"})
    assert "priority" not in as_the_sdk_reads(node).model_dump(by_alias=True)

    assert not sw.parse_job_node({**node, "status": "PAUSED"}).state.ended
    assert sw.parse_job_node(node).extra == {"priority": 3}
