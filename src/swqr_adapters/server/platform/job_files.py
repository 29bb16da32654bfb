"""A job as the platform lists it, and what its files hold."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from swqr_adapters.wire.nesting import quote_async
from swqr_adapters.wire.strangeworks import (
    ERROR_FILE,
    INPUT_FILE,
    JOB_STATUSES,
    LOG_FILE,
    RESULT_FILE,
    TRACEBACK_FILE,
    FileRecord,
    JobRecord,
    error_file,
    input_file,
)
from swqr_core.errors import NotFoundError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import Job
from swqr_core.ports.transport import RuntimeTransport

from .job_pages import Placed

__all__ = [
    "JobFileNotFoundError",
    "check_file",
    "expected_size",
    "file_names",
    "job_file",
    "job_record",
]

_FAILED: Final = frozenset({JobState.FAILED, JobState.TIMED_OUT})


class JobFileNotFoundError(NotFoundError):
    """The job has no such file, or does not have it yet."""

    noun = "file"


def file_names(job: Job, *, logs: bool) -> tuple[str, ...]:
    """Return the names of the files that a job has now."""
    names = [INPUT_FILE]
    if job.state is JobState.COMPLETED:
        names.append(RESULT_FILE)
    if job.state in _FAILED:
        names.append(ERROR_FILE)
        if job.result is not None:
            names.append(TRACEBACK_FILE)
    if logs and job.state.ended:
        names.append(LOG_FILE)
    return tuple(names)


def job_record(placed: Placed, url: Callable[[str], str], *, logs: bool) -> JobRecord:
    """Return a job as the platform lists it.

    Args:
        placed: The job, and the resource through which it is seen.
        url: Makes the absolute URL of a path, as the sender of the request sees it.
        logs: Whether there are logs.
    """
    job, resource = placed.job, placed.holding.resource
    changed = job.ended_at or job.running_at or job.created_at
    base = f"/files/jobs/{quote(resource.slug, safe='')}/{quote(job.id, safe='')}"
    files = tuple(
        FileRecord(
            slug=f"{job.id}-{name.partition('.')[0].replace('_', '-')}",
            id=f"{job.id}/{name}",
            name=name,
            label=name,
            url=url(f"{base}/{name}"),
            size=_input_size(placed) if name == INPUT_FILE else None,
            created_at=job.created_at if name == INPUT_FILE else changed,
            updated_at=job.created_at if name == INPUT_FILE else changed,
        )
        for name in file_names(job, logs=logs)
    )
    spec = job.spec
    facts = {
        "program_id": spec.program_id,
        "backend": spec.backend,
        "channel": placed.holding.channel,
    }
    return JobRecord(
        slug=job.id,
        status=JOB_STATUSES[job.state],
        external_id=job.id,
        resource=resource,
        files=files,
        created_at=job.created_at,
        updated_at=changed,
        tags=spec.tags,
        extra={
            "id": job.id,
            "isTerminalState": job.state.ended,
            "remoteStatus": job.state.value,
            "jobData": {"job": facts},
        },
    )


def _input_size(placed: Placed) -> int | None:
    """Return how long the input file is; None where nobody has told how long the parameters are."""
    job = placed.job
    if job.params is None or job.spec.private:
        return None
    pieces = input_file(job.spec, b"", channel=placed.holding.channel)
    return sum(map(len, pieces)) + job.params.size


def check_file(transport: RuntimeTransport, job: Job, name: str) -> None:
    """Let pass the name of a file that a job has now.

    Raises:
        JobFileNotFoundError: The job has no such file now.
    """
    names = file_names(job, logs=transport.capabilities.logs)
    if name not in names:
        raise JobFileNotFoundError(name, names)


def expected_size(job: Job, name: str) -> int:
    """Return how many bytes are read for a job's file, as far as the job tells; 0 if it does not.

    The file is somewhat longer.
    """
    payload = {INPUT_FILE: job.params, RESULT_FILE: job.result, TRACEBACK_FILE: job.result}.get(
        name
    )
    return 0 if payload is None else payload.size


async def job_file(
    transport: RuntimeTransport, placed: Placed, name: str
) -> tuple[bytes, ...] | dict[str, Any]:
    """Return the pieces of a job's file, or the document that it is.

    Raises:
        JobFileNotFoundError: The job has no such file now.
    """
    job = placed.job
    check_file(transport, job, name)
    if name == INPUT_FILE:
        params = await transport.params(job.id)
        return input_file(job.spec, params, channel=placed.holding.channel)
    if name == ERROR_FILE:
        return error_file(job)
    if name == LOG_FILE:
        return ((await transport.logs(job.id)).encode("utf-8", "replace"),)
    result = await transport.result(job.id)
    if result is None:
        raise JobFileNotFoundError(name)
    return (await quote_async(result),)
