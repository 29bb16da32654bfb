# ruff: noqa: D102 - the docstrings of the port say what each method does
"""A transport of one's own, a spool of jobs in a directory, held to swqr's contract.

A job is a folder. Who submits writes it; whoever has a quantum computer takes it, leaves a file
``started``, then a result and a file ``ended``. Run this program, or pytest on this file, to see
that the transport keeps every promise that it makes; ``docs/testing.md`` tells how it got there.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from swqr_adapters.clock import SystemClock
from swqr_core import (
    Backend,
    Capabilities,
    Instance,
    Job,
    JobQuery,
    JobSpec,
    JobState,
    Page,
    Payload,
    errors,
)
from swqr_core.model.ids import BackendName, JobId, ProgramId
from swqr_core.testing import Control, Harness, Seat, TransportContract
from swqr_core.wrappers import TransportBase, page_of_jobs

BACKEND = Backend(name=BackendName("spool"), num_qubits=5)
SAMPLER = ProgramId("sampler")
CLOCK = SystemClock()
CAN = Capabilities(
    transport="spool", dedicated_sessions=False, batches=False, session_listing=False,
    custom_ttls=False, idempotent_open=False, tags=False, user_tags=0, private_jobs=False,
    logs=False, metrics=False, usage=False, calibrations=False, time_limits=False,
    programs=False, event_wait=False, find_by_key=True, max_params_bytes=2**20,
)  # fmt: skip


class SpoolTransport(TransportBase):
    """The port over a directory that several processes share."""

    capabilities = CAN

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._latest = datetime.min.replace(tzinfo=UTC)

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        home = self._home(_name(key))
        self._check(spec, params, key)
        self._latest = max(CLOCK.now(), self._latest + timedelta(microseconds=1))
        asked = {"log_level": spec.log_level, "image": spec.image, "extra": dict(spec.extra)}
        order = {"at": self._latest.isoformat(), "program": spec.program_id, "asked": asked}
        self._place(home, order, params, key)
        return await self.job(home.name)

    def _place(self, home: Path, order: dict[str, Any], params: bytes, key: str) -> None:
        new = Path(tempfile.mkdtemp(dir=self._folder, prefix="new-"))
        (new / "params").write_bytes(params)
        (new / "order").write_text(json.dumps(order), encoding="utf-8")
        try:
            new.rename(home)  # all at once, or not at all because the key has its job already
        except OSError:
            shutil.rmtree(new)
            same = _read(home / "order") | {"at": ""} == order | {"at": ""}
            if not same or (home / "params").read_bytes() != params:
                raise errors.IdempotencyConflictError(key, home.name) from None

    def _check(self, spec: JobSpec, params: bytes, key: str) -> None:
        if not (1 <= len(key) <= 64 and key.isascii() and key.isprintable()):  # noqa: PLR2004
            raise errors.InvalidInputError("key", "must be 1 to 64 printable ASCII characters")
        if len(params) > CAN.max_params_bytes:
            raise errors.PayloadTooLargeError("params", len(params), CAN.max_params_bytes)
        if spec.backend != BACKEND.name:
            raise errors.BackendNotFoundError(spec.backend, [BACKEND.name])
        if spec.program_id != SAMPLER:
            raise errors.ProgramNotFoundError(spec.program_id, [SAMPLER])
        if spec.session_id is not None:
            raise errors.SessionNotFoundError(spec.session_id)
        if spec.tags or spec.private or spec.max_execution_time or spec.calibration_id:
            raise errors.UnsupportedOperation(CAN.transport, "tags, limits and the like")

    async def job(self, job_id: str) -> Job:
        home = self._home(job_id, must_exist=True)
        order, ended = _read(home / "order"), _read(home / "ended")
        started, result = _read(home / "started"), home / "result"
        state = ended.get("state") or ("running" if started else "queued")
        ran = state in {"completed", "failed"}  # a cancelled job may have left a result, too late
        spec = JobSpec(program_id=order["program"], backend=BACKEND.name, **order["asked"])
        return Job(
            id=JobId(job_id),
            spec=spec,
            state=JobState(state),
            created_at=datetime.fromisoformat(order["at"]),
            running_at=_time(started),
            ended_at=_time(ended),
            reason=ended.get("reason"),
            reason_code=ended.get("code"),
            params=Payload.of((home / "params").read_bytes()),
            result=Payload.of(result.read_bytes()) if ran and result.exists() else None,
        )

    async def jobs(self, query: JobQuery) -> Page[Job]:
        homes = self._home("").glob("job-*" if query.key is None else _name(query.key))
        return page_of_jobs([await self.job(home.name) for home in homes], query)

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        end = None if timeout is None else CLOCK.monotonic() + timeout
        while not (job := await self.job(job_id)).state.ended:
            if end is not None and CLOCK.monotonic() >= end:
                raise errors.WaitTimeoutError("job", job_id, timeout or 0)
            await CLOCK.sleep(0.01)
        return job

    async def params(self, job_id: str) -> bytes:
        return (self._home(job_id, must_exist=True) / "params").read_bytes()

    async def result(self, job_id: str) -> bytes | None:
        ended = (await self.job(job_id)).result is not None
        return (self._home(job_id) / "result").read_bytes() if ended else None

    async def cancel_job(self, job_id: str) -> None:
        job = await self.job(job_id)
        if job.state.ended:
            raise errors.JobEndedError(job_id, job.state)
        end(self._home(job_id), "cancelled")

    async def delete_job(self, job_id: str) -> None:
        job = await self.job(job_id)
        if not job.state.ended:
            raise errors.JobNotEndedError(job_id, job.state)
        shutil.rmtree(self._home(job_id))

    # --- one backend ---

    async def backends(self) -> tuple[Backend, ...]:
        return (await self.backend(BACKEND.name),)

    async def backend(self, name: str) -> Backend:
        self._home("")
        if name != BACKEND.name:
            raise errors.BackendNotFoundError(name, [BACKEND.name])
        return BACKEND

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        if calibration_id is not None:
            raise errors.UnsupportedOperation(CAN.transport, "calibrations")
        backend = await self.backend(name)
        return json.dumps({"backend_name": backend.name, "n_qubits": backend.num_qubits}).encode()

    async def backend_properties(self, name: str, **when: Any) -> None:
        await self.backend_configuration(name, calibration_id=when.get("calibration_id"))

    async def backend_defaults(self, name: str) -> None:
        await self.backend(name)

    async def instances(self) -> tuple[Instance, ...]:
        self._home("")
        return (Instance(id=self.principal.instance),)

    def _home(self, job_id: str, *, must_exist: bool = False) -> Path:
        self.check_open()
        home = self._folder / job_id
        if must_exist and not (job_id.startswith("job-") and home.is_dir()):
            raise errors.JobNotFoundError(job_id)
        return home


def _name(key: str) -> str:
    return "job-" + hashlib.sha256(key.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _time(said: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(said["at"]) if said else None


# --- the other side: whoever has a quantum computer ----------------------------------------------


def begin(home: Path) -> None:
    """Say that a job runs."""
    _write(home / "started", {})


def end(home: Path, state: str, **why: Any) -> None:
    """Say how a job ended, unless somebody was quicker."""
    _write(home / "ended", {"state": state, **why})


def _write(path: Path, said: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as new:
        json.dump({"at": CLOCK.now().isoformat(), **said}, new)
    with suppress(FileExistsError):
        path.hardlink_to(new.name)  # nobody reads half of it, and the first one stays
    Path(new.name).unlink()


# --- the contract --------------------------------------------------------------------------------


class SpoolHarness(Harness):
    """A spool in a new directory; the harness is the quantum computer."""

    controls: ClassVar[frozenset[Control]] = frozenset({Control.EXECUTIONS})
    backend = "spool"

    async def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())

    async def stop(self) -> None:
        shutil.rmtree(self.folder)

    async def connect(self, seat: Seat = Seat.OWNER) -> SpoolTransport:  # noqa: ARG002
        return SpoolTransport(self.folder)

    async def started(self, job_id: str) -> None:
        begin(self.folder / job_id)

    async def finish(self, job_id: str, *, result: bytes = b"{}", **_: Any) -> None:
        begin(self.folder / job_id)
        (self.folder / job_id / "result").write_bytes(result)
        end(self.folder / job_id, "completed")

    async def fail(
        self, job_id: str, *, reason: str, reason_code: int, traceback: bytes = b""
    ) -> None:
        begin(self.folder / job_id)
        if traceback:
            (self.folder / job_id / "result").write_bytes(traceback)
        end(self.folder / job_id, "failed", reason=reason, code=reason_code)


class TestSpool(TransportContract):
    """Every promise that the spool makes."""

    @pytest.fixture
    def harness(self) -> Harness:
        return SpoolHarness()


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", __file__]))
