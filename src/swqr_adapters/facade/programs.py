"""The older official client's methods for programs of users, which the service had until 2023."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from swqr_core.model.program import Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, ProgramQuery
from swqr_core.runtime.blocking import Runtime

from .client import closed_if_unused
from .errors import IBMInputValueError, IBMNotAuthorizedError, official_errors
from .job import Callback, RuntimeJobV2, call_back, options_of

__all__ = ["ParameterNamespace", "ProgramMethods", "RuntimeProgram"]

_SCHEMAS: Final = ("backend_requirements", "parameters", "return_values", "interim_results")
_MAIN: Final = "def main("


class ParameterNamespace(SimpleNamespace):
    """The parameters of a program, each an attribute; may be given to ``run`` as its inputs."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        properties = schema.get("properties", {})
        super().__init__(**{name: one.get("default") for name, one in properties.items()})
        self.__dict__["_schema"] = MappingProxyType(dict(schema))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The JSON Schema of the parameters."""
        schema: Mapping[str, Any] = self.__dict__["_schema"]
        return schema

    def to_dict(self) -> dict[str, Any]:
        """Return what was set."""
        return {name: value for name, value in vars(self).items() if name != "_schema"}

    def validate(self) -> None:
        """Check that what is required was set; the service checks everything.

        Raises:
            ValueError: Something is missing.
        """
        for name in self.metadata.get("required", []):
            if getattr(self, name, None) is None:
                msg = f"Param ({name}) missing required value!"
                raise ValueError(msg)


class RuntimeProgram:
    """A program, as the older official client showed it.

    Args:
        program: The program.
        runtime: Where it is.
    """

    def __init__(self, program: Program, runtime: Runtime) -> None:
        self._program, self._runtime = program, runtime

    def __repr__(self) -> str:
        return f"<RuntimeProgram({self.program_id!r})>"

    def __str__(self) -> str:
        spec = self._program.spec
        lines = [
            f"{self.program_id}:",
            f"  Name: {spec.name}",
            f"  Description: {spec.description}",
        ]
        for title, schema in (
            ("Input parameters", spec.parameters),
            ("Interim results", spec.interim_results),
            ("Returns", spec.return_values),
        ):
            properties = schema.get("properties", {})
            lines.append(f"  {title}:{'' if properties else ' none'}")
            if isinstance(properties, Mapping):
                lines += [f"    - {name}: {json.dumps(one)}" for name, one in properties.items()]
        return "\n".join(lines)

    @property
    def program_id(self) -> str:
        """Its id."""
        return str(self._program.id)

    @property
    def name(self) -> str:
        """Its name."""
        return self._program.spec.name

    @property
    def description(self) -> str:
        """What it is for."""
        return self._program.spec.description

    @property
    def max_execution_time(self) -> int:
        """Seconds that a run may take."""
        return self._program.spec.cost

    @property
    def return_values(self) -> Mapping[str, Any]:
        """The JSON Schema of its result."""
        return self._program.spec.return_values

    @property
    def interim_results(self) -> Mapping[str, Any]:
        """The JSON Schema of what it publishes."""
        return self._program.spec.interim_results

    @property
    def backend_requirements(self) -> Mapping[str, Any]:
        """What a backend must have."""
        return self._program.spec.backend_requirements

    @property
    def creation_date(self) -> datetime | None:
        """When it was uploaded, UTC; None for a built-in one."""
        return self._program.created_at

    @property
    def update_date(self) -> datetime | None:
        """When it last changed, UTC; None for a built-in one."""
        return self._program.updated_at

    @property
    def is_public(self) -> bool:
        """Whether everybody may run it."""
        return self._program.spec.is_public

    @property
    def data(self) -> str:
        """Its source.

        Raises:
            IBMNotAuthorizedError: It is somebody else's.
        """
        try:
            with official_errors():
                return self._runtime.program_source(self.program_id).decode()
        except IBMNotAuthorizedError as error:
            msg = "Only program authors are authorized to retrieve program data"
            raise IBMNotAuthorizedError(msg, 403) from error

    def parameters(self) -> ParameterNamespace:
        """Return its parameters, to be set and given to ``run``."""
        return ParameterNamespace(self._program.spec.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return its metadata."""
        spec = self._program.spec
        return {
            "program_id": self.program_id,
            "name": spec.name,
            "description": spec.description,
            "max_execution_time": spec.cost,
            "creation_date": self.creation_date,
            "update_date": self.update_date,
            "is_public": spec.is_public,
            **{name: dict(getattr(spec, name)) for name in _SCHEMAS},
        }


class ProgramMethods:
    """A part of ``QiskitRuntimeService``."""

    _run: Any
    _check_instance: Any

    if TYPE_CHECKING:

        @property
        def runtime(self) -> Runtime:
            """The runtime underneath."""
            ...

    def run(  # noqa: PLR0917 - the official signature
        self,
        program_id: str,
        inputs: dict[str, Any] | ParameterNamespace,
        options: dict[str, Any] | None = None,
        callback: Callback | None = None,
        result_decoder: Any = None,
        instance: str | None = None,
        session_id: str | None = None,
        job_tags: list[str] | None = None,
        max_execution_time: int | None = None,
        start_session: bool = False,
        session_time: int | str | None = None,
    ) -> RuntimeJobV2:
        """Run a program.

        Args:
            program_id: The program.
            inputs: Its parameters.
            options: Runtime options: ``backend`` or ``backend_name``, ``job_tags``,
                ``max_execution_time``, ``log_level``, ``private``, ``image``.
            callback: Called from a thread of its own with the job's id and each interim result,
                and then its result.
            result_decoder: A decoder class, or several, instead of the program's own.
            instance: The CRN or name of the instance; only the service's own is possible.
            session_id: The session to run it in.
            job_tags: Tags of the job.
            max_execution_time: Seconds after which it is stopped.
            start_session: Whether to open a session for it.
            session_time: How long that session may last.

        Raises:
            RuntimeProgramNotFound: There is no such program.
            IBMInputValueError: The inputs do not fit the program, or an option cannot be.
        """
        self._check_instance(instance)
        if isinstance(inputs, ParameterNamespace):
            inputs.validate()
            inputs = inputs.to_dict()
        given = {"job_tags": job_tags, "max_execution_time": max_execution_time}
        chosen = options_of(options) | {k: v for k, v in given.items() if v is not None}
        if "backend_name" in chosen:
            chosen.setdefault("backend", chosen.pop("backend_name"))
        opened: str | None = None
        with official_errors():
            if session_id is not None and chosen.get("backend") is None:
                chosen["backend"] = self.runtime.session(session_id).backend
            elif start_session and session_id is None:
                backend = chosen.get("backend")
                name = getattr(backend, "name", backend)
                opened = session_id = self.runtime.open_session(name, max_time=session_time).id
        with closed_if_unused(self.runtime, opened):
            job: RuntimeJobV2 = self._run(program_id, inputs, chosen, result_decoder, session_id)
        if callback is not None:
            call_back(job, callback)
        return job

    def upload_program(self, data: str, metadata: dict[str, Any] | str | None = None) -> str:
        """Upload a program, and return its id.

        Args:
            data: Its source, or the name of a file that has it.
            metadata: ``name`` and ``max_execution_time``, and optionally ``description``,
                ``is_public`` and ``spec``; or the name of a JSON file that has them.

        Raises:
            IBMInputValueError: Something in them is missing or cannot be.
        """
        found = _metadata(metadata)
        for needed in ("name", "max_execution_time"):
            if found.get(needed) is None:
                msg = f"metadata: {needed} is a required metadata field"
                raise IBMInputValueError(msg, 400)
        with official_errors():
            spec = ProgramSpec(**_fields(found), is_public=bool(found.get("is_public", False)))
            return str(self.runtime.add_program(spec, _source(data)).id)

    def programs(
        self,
        refresh: bool = False,  # noqa: ARG002 - nothing is kept that could be old
        limit: int | None = 20,
        skip: int = 0,
    ) -> list[RuntimeProgram]:
        """Return the programs that may be run.

        Args:
            refresh: Ignored: the answer is never an old one.
            limit: The most programs to return; None for all.
            skip: How many to leave out at the start.
        """
        with official_errors():
            found = list(self._pages(limit, skip))
        return [RuntimeProgram(program, self.runtime) for program in found]

    def _pages(self, limit: int | None, skip: int) -> Iterator[Program]:
        while limit is None or limit > 0:
            most = MAX_PAGE if limit is None else min(limit, MAX_PAGE)
            page = self.runtime.programs(ProgramQuery(limit=most, offset=skip))
            yield from page
            skip += len(page)
            limit = None if limit is None else limit - len(page)
            if not page.items or skip >= page.total:
                return

    def pprint_programs(
        self,
        refresh: bool = False,
        detailed: bool = False,
        limit: int | None = 20,
        skip: int = 0,
    ) -> None:
        """Print the programs that may be run; *detailed* with their parameters."""
        for program in self.programs(refresh, limit, skip):
            rule = "=" * 50
            brief = f"{program.program_id}:\n  Name: {program.name}"
            print(f"{rule}\n{program if detailed else brief}")  # noqa: T201 - what it is for

    def program(self, program_id: str, refresh: bool = False) -> RuntimeProgram:  # noqa: ARG002
        """Return one program.

        Raises:
            RuntimeProgramNotFound: There is none of that id.
        """
        with official_errors():
            return RuntimeProgram(self.runtime.program(program_id), self.runtime)

    def update_program(  # noqa: PLR0917 - the official signature
        self,
        program_id: str,
        data: str | None = None,
        metadata: dict[str, Any] | str | None = None,
        name: str | None = None,
        description: str | None = None,
        max_execution_time: int | None = None,
        spec: dict[str, Any] | None = None,
    ) -> None:
        """Change a program: its source, its metadata, or both.

        Args:
            program_id: The program.
            data: Its new source, or the name of a file that has it.
            metadata: As for ``upload_program``, all of it optional.
            name: Its new name; this and the others come before *metadata*.
            description: Its new description.
            max_execution_time: Seconds that a run may take.
            spec: Its new schemas.

        Raises:
            RuntimeProgramNotFound: There is none of that id.
            IBMInputValueError: There is nothing to change, or something cannot be.
        """
        given = {
            "name": name,
            "description": description,
            "max_execution_time": max_execution_time,
            "spec": spec,
        }
        found = _metadata(metadata) | {k: v for k, v in given.items() if v is not None}
        if data is None and not found:
            msg = "None of the 'data', 'metadata', 'name', 'description', 'max_execution_time', or "
            raise IBMInputValueError(f"{msg}'spec' parameters is specified.", 400)
        with official_errors():
            if found:
                self.runtime.update_program(program_id, ProgramUpdate(**_fields(found)))
            if data is not None:
                self.runtime.replace_program(program_id, _source(data))

    def set_program_visibility(self, program_id: str, public: bool) -> None:
        """Let everybody run a program, or nobody else.

        Raises:
            RuntimeProgramNotFound: There is none of that id.
            IBMNotAuthorizedError: It is somebody else's.
        """
        with official_errors():
            self.runtime.publish_program(program_id, public=public)

    def delete_program(self, program_id: str) -> None:
        """Delete a program.

        Raises:
            RuntimeProgramNotFound: There is none of that id.
            IBMNotAuthorizedError: It is somebody else's.
        """
        with official_errors():
            self.runtime.delete_program(program_id)


def _metadata(given: dict[str, Any] | str | None) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = json.loads(Path(given).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"metadata: cannot be read: {error}"
            raise IBMInputValueError(msg, 400) from error
    if given is not None and not isinstance(given, dict):
        msg = f"metadata: must be a dictionary, not {given!r:.100}"
        raise IBMInputValueError(msg, 400)
    return dict(given or {})


def _fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata in the core's words; an older form has the schemas beside the rest."""
    schemas = {**{name: found.get(name) for name in _SCHEMAS}, **(found.get("spec") or {})}
    named = {
        "name": found.get("name"),
        "description": found.get("description"),
        "cost": found.get("max_execution_time"),
        **{name: schemas.get(name) for name in _SCHEMAS},
    }
    return {name: value for name, value in named.items() if value is not None}


def _source(data: str) -> bytes:
    if _MAIN in data:
        return data.encode()
    try:
        return Path(data).read_bytes()
    except (OSError, ValueError) as error:
        msg = f"data: is neither a program with a function main nor a file: {error}"
        raise IBMInputValueError(msg, 400) from error
