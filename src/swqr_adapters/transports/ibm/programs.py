"""Programs and interim results, at a server that has them: IBM's own has not."""

from typing import Final

from swqr_adapters.http import Deadlines
from swqr_adapters.remote.calls import segment
from swqr_adapters.remote.interim import read_interim
from swqr_adapters.wire.ibm import load
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_adapters.wire.ibm.programs import (
    parse_interim,
    parse_program,
    parse_program_page,
    parse_program_source,
    program_query,
    update_document,
    upload_document,
)
from swqr_core.errors import (
    AccessDeniedError,
    JobNotFoundError,
    ProgramNotFoundError,
)
from swqr_core.model.ids import check_key
from swqr_core.model.program import (
    InterimResults,
    Program,
    ProgramSpec,
    ProgramUpdate,
    check_source,
)
from swqr_core.model.query import MAX_PAGE, Page, ProgramQuery

from .bound import IbmBound

__all__ = ["ProgramCalls"]

_UPLOADS: Final = "uploading programs"


class ProgramCalls(IbmBound):
    """The port ``ProgramPort``, and the interim results of ``JobPort``."""

    async def programs(self, query: ProgramQuery) -> Page[Program]:
        """Return a page of programs."""
        self._need("programs", "lists of programs")
        response = await self._api.call(
            "GET", "/programs", self._errand("list programs"), query=program_query(query)
        )
        return parse_program_page(load(response.body, "program list"))

    async def program(self, program_id: str) -> Program:
        """Return one program."""
        self._need("programs", "programs")
        response = await self._api.call(
            "GET", _path(program_id), self._errand("read a program", program=program_id)
        )
        return parse_program(load(response.body, "program"))

    async def program_source(self, program_id: str) -> bytes:
        """Return the source of a program of one's own."""
        self._need("program_uploads", "sources of programs")
        response = await self._api.call(
            "GET", _path(program_id), self._errand("read a program", program=program_id)
        )
        found = parse_program_source(load(response.body, "program"))
        if found is None:
            raise AccessDeniedError(
                f"read the source of program {program_id!r}", "only the user who uploaded it may"
            )
        return found

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        """Upload a program, once per key where the server knows keys."""
        self._need("program_uploads", _UPLOADS)
        check_key(key)
        check_source(source)
        response = await self._api.call(
            "POST",
            "/programs",
            self._command("add_program", key),
            json=upload_document(spec, source),
            headers={IDEMPOTENCY_KEY: key},
            idempotent=self._capabilities.idempotent_submit,
        )
        return parse_program(load(response.body, "program"))

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:
        """Change a program's metadata."""
        self._need("program_uploads", _UPLOADS)
        await self._api.call(
            "PATCH",
            _path(program_id),
            self._command("update_program", program_id, program=program_id),
            json=update_document(update),
            idempotent=True,
        )

    async def replace_program(self, program_id: str, source: bytes) -> None:
        """Change a program's source."""
        self._need("program_uploads", _UPLOADS)
        check_source(source)
        await self._api.call(
            "PUT",
            _path(program_id, "/data"),
            self._command("replace_program", program_id, program=program_id),
            body=(source,),
            headers={"Content-Type": "application/octet-stream"},
            idempotent=True,
        )

    async def publish_program(self, program_id: str, *, public: bool) -> None:
        """Let everybody see a program, or nobody else any more."""
        self._need("program_uploads", _UPLOADS)
        await self._api.call(
            "PUT",
            _path(program_id, "/public" if public else "/private"),
            self._command("publish_program", program_id, program=program_id),
            idempotent=True,
        )

    async def delete_program(self, program_id: str) -> None:
        """Remove a program."""
        self._need("program_uploads", _UPLOADS)
        response = await self._api.call(
            "DELETE",
            _path(program_id),
            self._command("delete_program", program_id, program=program_id),
            accept=(404,),
        )
        if response.status == 404 and not response.unsure:  # noqa: PLR2004
            raise ProgramNotFoundError(program_id)

    async def interim_results(
        self,
        job_id: str,
        *,
        start: int = 0,
        limit: int = MAX_PAGE,
        timeout: float | None = 0.0,
    ) -> InterimResults:
        """Return what a job has published; the server holds the request until there is some."""
        self._need("interim_results", "interim results")
        path = f"/jobs/{segment(job_id, JobNotFoundError)}/interim_results"
        errand = self._errand("read a job's interim results", job=job_id)

        async def ask(wait: float, deadlines: Deadlines) -> InterimResults:
            query = [("start", str(start)), ("limit", str(limit)), ("wait", f"{wait:g}")]
            response = await self._api.call("GET", path, errand, query=query, deadlines=deadlines)
            return parse_interim(load(response.body, "interim results"))

        return await read_interim(ask, self._api, start=start, limit=limit, timeout=timeout)


def _path(program_id: str, below: str = "") -> str:
    return f"/programs/{segment(program_id, ProgramNotFoundError)}{below}"
