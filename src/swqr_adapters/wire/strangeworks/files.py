"""Files: their records, uploads, and what a job's own files hold.

``input_data.json`` says what was submitted, and ``job_results.json`` is the result's text encoded
once more, as a JSON string. Of a job that did not complete, files with ``error`` in their name
tell why.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import field, frozen

from swqr_adapters.wire.nesting import unquote_async
from swqr_adapters.wire.splicing import join, split_async
from swqr_adapters.wire.values import Document, from_json, timestamp, without_none
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec

from .values import Reader, broken, reading

__all__ = [
    "ERROR_FILE",
    "INPUT_FILE",
    "LOG_FILE",
    "RESULT_FILE",
    "TRACEBACK_FILE",
    "FileRecord",
    "FileUpload",
    "JobFailure",
    "JobInput",
    "error_file",
    "file_node",
    "input_file",
    "parse_error_file",
    "parse_file",
    "parse_input_file",
    "parse_result_file",
    "parse_upload",
    "upload_answer",
    "upload_variables",
]

INPUT_FILE: Final = "input_data.json"
"""What was submitted; there before the submission is answered."""

RESULT_FILE: Final = "job_results.json"
"""The result, encoded twice; there before the job has completed."""

ERROR_FILE: Final = "error.json"
"""Why a job did not complete; there before it has failed."""

TRACEBACK_FILE: Final = "error_result.json"
"""What a failed job has left as its result, encoded twice."""

LOG_FILE: Final = "logs.txt"
"""The log of a job that has ended."""

_RAN_TOO_LONG: Final = 1305
_JOB: Final = frozenset(
    {
        "backend", "calibration_id", "channel", "cost", "log_level", "params", "private",
        "program_id", "runtime", "tags",
    }
)  # fmt: skip
_FILE: Final = frozenset(
    {"dateCreated", "dateUpdated", "fileName", "id", "label", "metaSizeBytes", "slug", "url"}
)


# --- records -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class FileRecord:
    """A file of a job or a workspace.

    Attributes:
        slug: Its name in addresses.
        name: Its name when it was written.
        url: Where to read it; absolute, or a path below the platform's address.
        id: Its id.
        label: What people call it.
        size: Bytes, where the platform tells.
        created_at: When it was made.
        updated_at: When it was last written.
        extra: Further fields.
    """

    slug: str
    name: str | None = None
    url: str | None = None
    id: str | None = None
    label: str | None = None
    size: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    extra: Mapping[str, object] = field(factory=dict)


def file_node(record: FileRecord) -> dict[str, Any]:
    """Return a file."""
    return {
        **record.extra,
        "id": record.id,
        "slug": record.slug,
        "label": record.label,
        "fileName": record.name,
        "url": record.url,
        "metaSizeBytes": record.size,
        "dateCreated": timestamp(record.created_at),
        "dateUpdated": timestamp(record.updated_at),
    }


def parse_file(node: object) -> FileRecord:
    """Read a file.

    Raises:
        ProtocolError: It has no slug, or a field has a wrong type.
    """
    read = Reader(node, "file")
    slug = read.text("slug")
    read.name = f"file {slug!r}"
    return FileRecord(
        slug=slug,
        name=read.text_or_none("fileName"),
        url=read.text_or_none("url"),
        id=read.text_or_none("id"),
        label=read.text_or_none("label"),
        size=read.integer("metaSizeBytes"),
        created_at=read.time("dateCreated"),
        updated_at=read.time("dateUpdated"),
        extra=read.beyond(_FILE),
    )


# --- uploads -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class FileUpload:
    """Where to write a new file of the workspace.

    Attributes:
        signed_url: The absolute URL to ``PUT`` its bytes to; a secret.
        file: Its record.
    """

    signed_url: str = field(repr=False)
    file: FileRecord


def upload_variables(
    workspace: str,
    name: str,
    *,
    content_type: str,
    size: int | None = None,
    public: bool = False,
    label: str | None = None,
    schema: str | None = None,
) -> dict[str, Any]:
    """Return the variables of an ``uploadWorkspaceFile`` mutation."""
    return without_none(
        {
            "workspace_slug": workspace,
            "file_name": name,
            "content_type": content_type,
            "is_public": public,
            "json_schema": schema,
            "label": label,
            "meta_file_size": size,
        }
    )


def upload_answer(upload: FileUpload) -> dict[str, Any]:
    """Return what the mutation answers."""
    return {"signedURL": upload.signed_url, "file": file_node(upload.file)}


def parse_upload(data: object) -> FileUpload:
    """Read the ``data`` of the mutation's answer.

    Raises:
        ProtocolError: It tells of an error, or of no place to write to.
    """
    read = Reader(Reader(data, "answer").object("workspaceUploadFile"), "upload")
    if read.document.get("error"):
        raise broken(read.name, "was refused", read.document["error"])
    file = parse_file(read.document.get("file"))
    return FileUpload(signed_url=read.text("signedURL"), file=file)


# --- what was submitted ------------------------------------------------------------------------


@frozen(kw_only=True)
class JobInput:
    """What ``input_data.json`` says.

    Attributes:
        spec: What the job was submitted with.
        channel: The channel that it named.
        params: The exact text of its parameters; None where the file does not have them.
    """

    spec: JobSpec
    channel: str | None = None
    params: bytes | None = field(default=None, repr=False)


def input_file(spec: JobSpec, params: bytes, *, channel: str) -> tuple[bytes, ...]:
    """Return the pieces of ``input_data.json``; *params* is one of them, as it is.

    The oldest clients read three of its facts at the top.
    """
    named = {"program_id": spec.program_id, "channel": channel, "backend": spec.backend}
    job = {
        **spec.extra,
        **named,
        **without_none(
            {
                "log_level": spec.log_level,
                "tags": list(spec.tags) or None,
                "cost": spec.max_execution_time,
                "runtime": spec.image,
                "private": True if spec.private else None,
                "calibration_id": spec.calibration_id,
            }
        ),
    }
    outer: dict[str, Any] = {**named, "ibm_data": without_none({"session_id": spec.session_id})}
    begin, _, end = join(outer, "job", b"")
    first, value, last = join(job, "params", params)
    return begin + first, value, last + end


async def parse_input_file(data: bytes) -> JobInput:
    """Read ``input_data.json``.

    Raises:
        ProtocolError: It is none.
    """
    try:
        whole = await split_async(data, "job")
        if whole.value is None:
            raise broken(INPUT_FILE, "has no 'job'", whole.head)
        job = await split_async(whole.value, "params")
    except InvalidInputError as error:
        raise broken(INPUT_FILE, str(error), data[:100]) from error
    return _parse_input(whole.head, job.head, job.value)


@reading
def _parse_input(head: Document, job: Document, params: bytes | None) -> JobInput:
    read = Reader(job, INPUT_FILE)
    beside = Reader(head.get("ibm_data") or {}, f"ibm_data of {INPUT_FILE}")
    session = beside.text_or_none("session_id") or read.text_or_none("session_id")
    spec = JobSpec(
        program_id=ProgramId(read.text("program_id")),
        backend=BackendName(read.text_or_none("backend") or "unknown"),
        session_id=SessionId(session) if session else None,
        tags=read.texts("tags"),
        max_execution_time=read.integer("cost") or None,
        log_level=read.text_or_none("log_level") or "warning",
        private=read.flag("private"),
        image=read.text_or_none("runtime") or None,
        calibration_id=read.text_or_none("calibration_id") or None,
        extra=read.beyond(_JOB),
    )
    return JobInput(spec=spec, channel=read.text_or_none("channel"), params=params)


# --- how it ended ------------------------------------------------------------------------------


async def parse_result_file(data: bytes) -> bytes:
    """Return the exact text of the result that ``job_results.json`` holds.

    A file that holds the result itself, encoded once, is taken as it is.

    Raises:
        ProtocolError: It is neither.
    """
    literal = data.strip(b" \t\r\n")
    try:
        if literal.startswith(b'"'):
            return await unquote_async(literal)
        await split_async(data, "\0")  # the name is one that no document has
    except InvalidInputError as error:
        raise broken(RESULT_FILE, str(error), data[:100]) from error
    return data


@frozen(kw_only=True)
class JobFailure:
    """Why a job did not complete.

    Attributes:
        reason: For people.
        code: The number in IBM's registry of error codes.
        solution: What to do about it.
    """

    reason: str
    code: int | None = None
    solution: str | None = None

    @property
    def ran_too_long(self) -> bool:
        """Whether it was stopped because it used more time than it may."""
        return self.code == _RAN_TOO_LONG


def error_file(job: Job) -> dict[str, Any]:
    """Return ``error.json`` of a job that has failed or ran too long."""
    too_long = job.state is JobState.TIMED_OUT
    limit = f" than the permitted {job.time_limit} seconds" if job.time_limit else ""
    reason = f"Job ran longer{limit or ' than permitted'}" if too_long else "The job failed."
    told = {
        "message": job.reason or reason,
        "code": job.reason_code or (_RAN_TOO_LONG if too_long else None),
        "solution": job.reason_solution,
    }
    return {"error": without_none(told)}


def parse_error_file(data: bytes) -> JobFailure:
    """Read any file that tells of an error: an object with an ``error``, or any other text.

    Raises:
        ProtocolError: It is empty.
    """
    try:
        document = from_json(data)
    except ValueError:
        document = data.decode(errors="replace").strip()
    told = document.get("error", document) if isinstance(document, Mapping) else document
    if not isinstance(told, Mapping):
        told = {"message": told if isinstance(told, str) else json.dumps(told)}
    if not told.get("message"):
        if not told or set(told) == {"message"}:
            raise broken(ERROR_FILE, "says nothing", data[:100])
        told = {"message": json.dumps(told)}
    read = Reader({**told, "message": str(told["message"])}, ERROR_FILE)
    return JobFailure(
        reason=read.text("message"),
        code=read.integer("code"),
        solution=read.text_or_none("solution"),
    )
