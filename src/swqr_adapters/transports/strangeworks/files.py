"""Files of jobs and of the workspace."""

from collections import OrderedDict
from typing import Any, Final

from swqr_adapters.remote.bound import remember
from swqr_adapters.wire.strangeworks import (
    GET_JOBS,
    PAGE_SIZE,
    UPLOAD_FILE,
    Answer,
    FileRecord,
    JobRecord,
    parse_connection,
    parse_job_node,
    parse_upload,
    upload_variables,
)
from swqr_core.errors import (
    AccessDeniedError,
    InvalidInputError,
    JobNotFoundError,
    NotFoundError,
    PayloadTooLargeError,
    ProtocolError,
)

from .bound import ResourceBound
from .refusals import NAME

__all__ = ["FileCalls"]

_FILE_LIMIT: Final = 256 * 2**20


class FileCalls(ResourceBound):
    """What the platform keeps as files; a job's record says which there are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._records: OrderedDict[str, JobRecord] = OrderedDict()

    async def files(self, job_id: str) -> tuple[FileRecord, ...]:
        """Return the records of a job's files.

        Raises:
            JobNotFoundError: There is none of that id here.
        """
        record, _ = await self._record(job_id)
        return record.files

    async def file(self, job_id: str, name: str) -> bytes | None:
        """Return the content of a job's file, or None if it has none of that name.

        Raises:
            JobNotFoundError: There is no such job here.
            ProtocolError: It has such a file, and it cannot be read.
        """
        return await self._content(job_id, name, max_bytes=_FILE_LIMIT)

    async def upload_file(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "application/octet-stream",
        public: bool = False,
        label: str | None = None,
    ) -> FileRecord:
        """Write a file of the workspace.

        Args:
            name: Its name.
            content: Its content.
            content_type: What the content is.
            public: Whether it may be read without a token.
            label: What people call it.

        Raises:
            ProtocolError: It was not taken.
        """
        errand = self._command("upload a file", name)
        answer = await self._api.query(
            UPLOAD_FILE,
            errand,
            variables=upload_variables(
                self._workspace.slug,
                name,
                content_type=content_type,
                size=len(content),
                public=public,
                label=label,
            ),
        )
        upload = parse_upload(answer.data)
        await self._api.write_file(upload.signed_url, content, errand)
        return upload.file

    # --- for the other calls -------------------------------------------------------------------

    async def _record(self, job_id: str, *, again: bool = True) -> tuple[JobRecord, Answer]:
        """Ask for a job's record.

        Args:
            job_id: The job.
            again: Whether to ask again if the platform does not answer.

        Raises:
            JobNotFoundError: There is none of that id in this resource.
        """
        if not job_id:
            raise JobNotFoundError(job_id)
        answer = await self._api.query(
            GET_JOBS,
            self._errand("read a job", job=job_id),
            variables={**self._mine, "job_slug": job_id, "first": PAGE_SIZE},
            again=again,
        )
        for record in parse_connection(answer.data, "jobs", parse_job_node).nodes:
            if record.slug == job_id and self._is_mine(record):
                self._keep(record)
                return record, answer
        raise JobNotFoundError(job_id)

    @property
    def _mine(self) -> dict[str, object]:
        """The variables that ask for the jobs of this resource, whatever they are."""
        return {
            "resource_slugs": [self._resource.slug],
            "product_slugs": [self._resource.product],
            "statuses": [],
            "tags": [],
        }

    def _is_mine(self, record: JobRecord) -> bool:
        return record.resource is None or record.resource.slug == self._resource.slug

    def _keep(self, record: JobRecord) -> None:
        remember(self._records, record.slug, record)

    async def _content(self, job_id: str, name: str, *, max_bytes: int) -> bytes | None:
        """Return a file's content, or None if there is no such file.

        Where a file is may change, so what was told before is asked for again if it is not there.
        """
        known = self._records.get(job_id)
        file = None if known is None else known.file(name)
        if file is not None:
            try:
                return await self._read(job_id, file, max_bytes)
            except ProtocolError:
                pass
        file = (await self._record(job_id))[0].file(name)
        return None if file is None else await self._read(job_id, file, max_bytes)

    async def _read(self, job_id: str, file: FileRecord, max_bytes: int) -> bytes:
        errand = self._errand(f"read the file {file.name!r} of a job", job=job_id)
        if not file.url:
            raise ProtocolError(NAME, f"job {job_id!r}: its file {file.name!r} is nowhere")
        try:
            return await self._api.read_file(file.url, errand, max_bytes=max_bytes)
        except PayloadTooLargeError:
            raise
        except (NotFoundError, AccessDeniedError, InvalidInputError) as error:
            raise ProtocolError(
                NAME, f"job {job_id!r}: its file {file.name!r} is listed, but: {error}"
            ) from error
