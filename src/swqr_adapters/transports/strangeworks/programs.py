"""Programs: nothing of them is in the platform's interface."""

from typing import NoReturn

from swqr_core.errors import UnsupportedOperation
from swqr_core.model.program import Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import Page, ProgramQuery

from .bound import ResourceBound
from .refusals import NAME

__all__ = ["NoPrograms"]

_LISTS, _UPLOADS = "lists of programs", "uploading programs"


class NoPrograms(ResourceBound):
    """The port ``ProgramPort``: all of it is refused."""

    def _without(self, operation: str) -> NoReturn:
        self._api.check()
        raise UnsupportedOperation(NAME, operation)

    async def programs(self, query: ProgramQuery) -> Page[Program]:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_LISTS)

    async def program(self, program_id: str) -> Program:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_LISTS)

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)

    async def program_source(self, program_id: str) -> bytes:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)

    async def update_program(self, program_id: str, update: ProgramUpdate) -> None:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)

    async def replace_program(self, program_id: str, source: bytes) -> None:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)

    async def publish_program(self, program_id: str, *, public: bool) -> None:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)

    async def delete_program(self, program_id: str) -> None:  # noqa: ARG002 - refused
        """Not there."""
        self._without(_UPLOADS)
