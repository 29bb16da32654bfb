"""``create_runtime_job``: a JSON text inside a JSON text, its parameters untouched.

What the official client calls ``data`` is the body that IBM's interface takes, as text. Wrapping
and unwrapping leave the bytes of ``params`` as they are.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from swqr_adapters.wire import ibm
from swqr_adapters.wire.ibm.extension import MEMBER
from swqr_adapters.wire.ibm.requests import parse_job_submission
from swqr_adapters.wire.nesting import quote_async, unquote_async
from swqr_adapters.wire.splicing import MAX_DEPTH, Split, join, split_async
from swqr_adapters.wire.values import Document, without_none
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, JobId
from swqr_core.model.job import Job, JobSpec

from .jobs import JOB_STATUSES
from .values import Reader, borrowed

__all__ = [
    "SessionStart",
    "Submission",
    "parse_submission",
    "parse_submitted",
    "submission",
    "submission_answer",
]

_DATA: Final = "data"
_REFUSED: Final = 1208
# What only this platform's clients send, or what stands for something else.
_PLATFORMS_OWN: Final = frozenset(
    {
        "backend", "channel_strategy", "group", "hub", "image", "project", "session_time",
        "start_session",
    }
)  # fmt: skip


# --- what a client sends -----------------------------------------------------------------------


async def submission(
    spec: JobSpec, params: bytes, *, channel: str, tags: Iterable[str] | None = None
) -> tuple[bytes, ...]:
    """Return the pieces of the body of ``create_runtime_job``.

    Official clients send neither ``private`` nor ``calibration_id``; a server of ours takes them.

    Args:
        spec: What to run.
        params: The text of its parameters.
        channel: The channel that the resource's product stands for.
        tags: The tags to send; those of *spec* if None.

    Raises:
        InvalidInputError: *params* are not UTF-8.
    """
    inner = {
        **spec.extra,
        **without_none(
            {
                "program_id": spec.program_id,
                "runtime": spec.image,
                "log_level": spec.log_level.upper(),  # as official clients write it
                "backend": spec.backend,
                "session_id": spec.session_id,
                "tags": list(spec.tags if tags is None else tags) or None,
                "cost": spec.max_execution_time,
                "private": True if spec.private else None,
                "calibration_id": spec.calibration_id,
            }
        ),
    }
    text = await quote_async(b"".join(join(inner, "params", params)))
    outer = {
        "program_id": spec.program_id,
        "backend": spec.backend,
        "channel": channel,
        "runtime": True,
    }
    return join(outer, _DATA, text)


def parse_submitted(document: object, spec: JobSpec, *, at: datetime) -> Job:
    """Read the answer to a submission, in the form of any version.

    Args:
        document: The answer.
        spec: What was submitted.
        at: When, for answers that do not tell.

    Raises:
        ProtocolError: There is no slug, or a field has a wrong type.
    """
    read = Reader(document, "submitted job")
    if isinstance(read.document.get(MEMBER), Mapping):
        return borrowed(ibm.parse_job)(read.document[MEMBER])
    data = Reader(read.object("jobData"), "jobData of the submitted job")
    job = Reader(data.object("job"), "job of the submitted job")
    backend = job.text_or_none("backend") or data.text_or_none("backend") or spec.backend
    return Job(
        id=JobId(read.text("slug")),
        spec=evolve(spec, backend=BackendName(backend)),
        state=JobState.QUEUED,
        created_at=read.time("dateCreated") or at,
    )


# --- what a server reads and answers -----------------------------------------------------------


@frozen(kw_only=True)
class SessionStart:
    """A session that a job wants to be the first of.

    Attributes:
        max_ttl: Its longest time in seconds; None for the platform's.
    """

    max_ttl: int | None = None


@frozen(kw_only=True)
class Submission:
    """What ``create_runtime_job`` asks for.

    Attributes:
        spec: What to run.
        params: The exact text of its parameters.
        start: The session to open for it first, if any.
    """

    spec: JobSpec
    params: bytes
    start: SessionStart | None = None


async def parse_submission(outer: Split, *, max_depth: int = MAX_DEPTH) -> Submission:
    """Read the body of ``create_runtime_job``, its ``data`` cut out.

    Raises:
        InvalidInputError: A field is missing, or its value cannot be used.
        PayloadTooLargeError: All but the parameters is over 256 KiB.
    """
    if outer.value is None:
        raise InvalidInputError(_DATA, "is required: the job as JSON text", _REFUSED)
    if not outer.value.startswith(b'"'):
        raise InvalidInputError(_DATA, "must be text: the job, encoded as JSON", _REFUSED)
    inner = await split_async(await unquote_async(outer.value), "params", max_depth=max_depth)
    fields = {name: value for name, value in inner.head.items() if name not in _PLATFORMS_OWN}
    backend = inner.head.get("backend") or outer.head.get("backend")
    if backend is not None:
        fields["backend"] = backend
    if inner.head.get("image") is not None:  # an older spelling
        fields.setdefault("runtime", inner.head["image"])
    return Submission(
        spec=parse_job_submission(fields),
        params=inner.value or b"{}",
        start=_parse_start(inner.head),
    )


def _parse_start(head: Document) -> SessionStart | None:
    if not head.get("start_session") or head.get("session_id"):
        return None
    seconds = head.get("session_time")
    if seconds is None:
        return SessionStart()
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1:
        raise InvalidInputError("session_time", f"must be seconds, not {seconds!r:.100}", _REFUSED)
    return SessionStart(max_ttl=seconds)


def submission_answer(job: Job, *, channel: str, extended: bool = False) -> dict[str, Any]:
    """Return the answer to a submission; clients of all versions find in it what they read.

    Args:
        job: The job.
        channel: The channel that the resource's product stands for.
        extended: Whether to say what only a client of ours reads.
    """
    spec = job.spec
    facts = {"program_id": spec.program_id, "backend": spec.backend, "channel": channel}
    answer: dict[str, Any] = {
        "slug": job.id,
        "externalIdentifier": job.id,
        "status": JOB_STATUSES[job.state],
        "jobData": {**facts, "job": facts},
        "job_data": json.dumps(facts),  # what the oldest clients parse
    }
    if spec.session_id is not None:
        answer["jobData"]["ibm_data"] = {"session_id": spec.session_id}
    if extended:
        answer[MEMBER] = ibm.job_document(job, extended=True)
    return answer
