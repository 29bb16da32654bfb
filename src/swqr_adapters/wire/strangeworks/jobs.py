"""Jobs: their nodes, and the job that a node, its files and a server of ours tell together."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, field, frozen

from swqr_adapters.wire import ibm
from swqr_adapters.wire.values import Document, timestamp
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import InstanceId, JobId
from swqr_core.model.job import Job

from .account import Resource, parse_resource, resource_node
from .files import INPUT_FILE, FileRecord, JobFailure, JobInput, file_node, parse_file
from .values import Reader, borrowed, broken, reading

__all__ = [
    "JOB_STATUSES",
    "STATES",
    "JobRecord",
    "job_from",
    "job_node",
    "parse_job_node",
    "parse_tags_answer",
    "tag_nodes",
]

JOB_STATUSES: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.QUEUED: "QUEUED",
        JobState.RUNNING: "RUNNING",
        JobState.COMPLETED: "COMPLETED",
        JobState.FAILED: "FAILED",
        JobState.CANCELLED: "CANCELLED",
        # Nobody stopped it, and there is something to tell: see the error file.
        JobState.TIMED_OUT: "FAILED",
    }
)
"""The platform's word for each state. What ran too long is told apart by its error file."""

STATES: Final[Mapping[str, JobState]] = MappingProxyType(
    {
        "CREATED": JobState.QUEUED,
        "QUEUED": JobState.QUEUED,
        "RUNNING": JobState.RUNNING,
        "CANCELLING": JobState.RUNNING,
        "COMPLETED": JobState.COMPLETED,
        "FAILED": JobState.FAILED,
        "CANCELLED": JobState.CANCELLED,
    }
)
"""The state that each word of the platform means."""

_NODE: Final = frozenset(
    {
        "childJobs", "dateCreated", "dateUpdated", "externalIdentifier", "files", "resource",
        "slug", "status", "tags",
    }
)  # fmt: skip


@frozen(kw_only=True)
class JobRecord:
    """A job as the platform lists it.

    Attributes:
        slug: Its id.
        status: The platform's word.
        external_id: Its id at the vendor.
        resource: What it belongs to.
        files: Its files.
        created_at: When it was accepted.
        updated_at: When it last changed; when it ended, if it has.
        tags: Its tags.
        children: Nodes of the jobs that it has made, as they are.
        extra: Further fields.
    """

    slug: str
    status: str
    external_id: str | None = None
    resource: Resource | None = None
    files: tuple[FileRecord, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    tags: tuple[str, ...] = ()
    children: tuple[Document, ...] = ()
    extra: Mapping[str, object] = field(factory=dict)

    @property
    def state(self) -> JobState:
        """Where it is in its life; a word that no source names says no more than not ended."""
        return STATES.get(self.status.upper(), JobState.QUEUED)

    def file(self, name: str) -> FileRecord | None:
        """Return its file of a name, or None."""
        return next((file for file in self.files if file.name == name), None)


def job_node(record: JobRecord) -> dict[str, Any]:
    """Return a job (GraphQL: a node of ``workspace.jobs``)."""
    return {
        **record.extra,
        "slug": record.slug,
        "externalIdentifier": record.external_id,
        "status": record.status,
        "resource": None if record.resource is None else resource_node(record.resource),
        "files": [{"file": file_node(file)} for file in record.files],
        "dateCreated": timestamp(record.created_at),
        "dateUpdated": timestamp(record.updated_at),
        "tags": tag_nodes(record.tags),
        "childJobs": list(record.children),
    }


def tag_nodes(tags: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return tags as the platform nests them."""
    return [{"tag": {"tag": tag}} for tag in tags]


@reading
def parse_job_node(node: object) -> JobRecord:
    """Read a job.

    Raises:
        ProtocolError: It has no slug or status, or a field has a wrong type.
    """
    read = Reader(node, "job")
    slug = read.text("slug")
    read.name = f"job {slug!r}"
    resource = read.document.get("resource")
    return JobRecord(
        slug=slug,
        status=read.text("status"),
        external_id=read.text_or_none("externalIdentifier"),
        resource=None if resource is None else parse_resource(resource),
        files=tuple(
            parse_file(Reader(entry, f"file entry of {read.name}").object("file"))
            for entry in _items(read, "files")
        ),
        created_at=read.time("dateCreated"),
        updated_at=read.time("dateUpdated"),
        tags=_parse_tags(read),
        children=tuple(Reader(child, "child job").document for child in _items(read, "childJobs")),
        extra=read.beyond(_NODE),
    )


def _items(read: Reader, name: str) -> list[Any]:
    return [] if read.document.get(name) is None else read.items(name)


def _parse_tags(read: Reader) -> tuple[str, ...]:
    entries = (Reader(entry, f"tag of {read.name}") for entry in _items(read, "tags"))
    return tuple(Reader(entry.object("tag"), entry.name).text("tag") for entry in entries)


def parse_tags_answer(data: object) -> tuple[str, ...]:
    """Read the ``data`` of a ``jobAddTags`` mutation's answer: the tags that the job has now.

    Raises:
        ProtocolError: It tells of none.
    """
    read = Reader(Reader(data, "answer").object("jobAddTags"), "jobAddTags")
    read.items("tags")
    return _parse_tags(read)


def job_from(
    record: JobRecord,
    told: object = None,
    *,
    given: JobInput | None = None,
    failure: JobFailure | None = None,
    instance: InstanceId | None = None,
) -> Job:
    """Return the job that a record stands for.

    Args:
        record: The record.
        told: The document of it that a server of ours tells; it says everything.
        given: What its ``input_data.json`` says; needed where nothing is told.
        failure: What its error file says.
        instance: The instance that it belongs to.

    Raises:
        ProtocolError: There is not enough to know what kind of job it is.
    """
    if told is not None:
        return borrowed(ibm.parse_job)(told)
    created, name = record.created_at, f"job {record.slug!r}"
    if created is None:
        raise broken(name, "'dateCreated' is not there")
    if given is None:
        raise broken(name, f"its file {INPUT_FILE!r} is not there")
    state = record.state
    if state is JobState.FAILED and failure is not None and failure.ran_too_long:
        state = JobState.TIMED_OUT
    return Job(
        id=JobId(record.slug),
        spec=evolve(given.spec, tags=record.tags),
        state=state,
        created_at=created,
        ended_at=record.updated_at if state.ended else None,
        reason=None if failure is None else failure.reason,
        reason_code=None if failure is None else failure.code,
        reason_solution=None if failure is None else failure.solution,
        time_limit=given.spec.max_execution_time,
        instance=instance,
        extra=record.extra,
    )
