"""The older official client's methods for programs of users, on a cloud of this process."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    RuntimeProgramNotFound,
)

from swqr_adapters.facade import QiskitRuntimeService
from swqr_core import SessionState

SOURCE = """def main(backend, user_messenger, **kwargs):
    for number in range(kwargs["n"]):
        user_messenger.publish({"number": number})
    return {"name": backend.name, "double": 2 * kwargs["n"]}
"""
METADATA = {
    "name": "doubles",
    "max_execution_time": 60,
    "description": "Doubles a number",
    "spec": {
        "parameters": {
            "properties": {"n": {"type": "integer", "description": "The number", "default": 1}},
            "required": ["n"],
        }
    },
}


@pytest.fixture(scope="module")
def service() -> Iterator[QiskitRuntimeService]:
    """Its programs are one's own: they run on every machine."""
    url = "memory://?programs=limits&workers=1&seed=1"
    with QiskitRuntimeService(transport=url) as made:
        yield made


@pytest.fixture
def program_id(service: QiskitRuntimeService) -> Iterator[str]:
    made = service.upload_program(SOURCE, METADATA)
    yield made
    if any(program.program_id == made for program in service.programs(limit=None)):
        service.delete_program(made)


def test_a_program_is_as_it_was_uploaded(service: Any, program_id: str) -> None:
    program = service.program(program_id)

    assert (program.name, program.max_execution_time, program.data) == ("doubles", 60, SOURCE)
    assert program.is_public is False
    assert program.creation_date == program.update_date
    assert program.to_dict()["description"] == "Doubles a number"
    assert "- n: " in str(program)
    assert program_id in {one.program_id for one in service.programs(limit=None)}


def test_a_program_comes_from_files_too(service: Any, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(SOURCE)
    (tmp_path / "metadata.json").write_text(json.dumps(METADATA))

    made = service.upload_program(str(tmp_path / "program.py"), str(tmp_path / "metadata.json"))

    assert service.program(made).data == SOURCE
    service.delete_program(made)
    with pytest.raises(RuntimeProgramNotFound):
        service.program(made)


def test_a_program_is_updated_and_published(service: Any, program_id: str) -> None:
    service.update_program(program_id, name="other", spec={"return_values": {"type": "object"}})
    service.update_program(program_id, data=SOURCE + "# new\n")
    service.set_program_visibility(program_id, public=True)

    program = service.program(program_id)

    assert (program.name, program.description) == ("other", "Doubles a number")
    assert program.data.endswith("# new\n")
    assert program.is_public is True
    with pytest.raises(IBMInputValueError, match="is specified"):
        service.update_program(program_id)


def test_pages_of_programs_tile_the_list(service: Any, program_id: str) -> None:
    everything = [one.program_id for one in service.programs(limit=None)]

    assert program_id in everything
    pages = [service.programs(limit=2, skip=skip) for skip in range(0, len(everything), 2)]
    assert [one.program_id for page in pages for one in page] == everything


def test_what_is_missing_or_not_one_s_own_is_told(service: Any, tmp_path: Path) -> None:
    with pytest.raises(IBMInputValueError, match="max_execution_time"):
        service.upload_program(SOURCE, {"name": "x"})
    with pytest.raises(IBMInputValueError, match="neither"):
        service.upload_program(str(tmp_path / "none.py"), METADATA)
    with pytest.raises(IBMNotAuthorizedError):
        service.delete_program("sampler")
    with pytest.raises(IBMNotAuthorizedError, match="authors"):
        service.program("sampler").data  # noqa: B018 - asking is the test


def test_inputs_that_do_not_fit_are_refused(service: Any, program_id: str) -> None:
    with pytest.raises(IBMInputValueError, match="'two' is not of type 'integer'"):
        service.run(program_id, {"n": "two"}, {"backend_name": "ideal_5"})


def test_a_program_runs_and_calls_back_with_everything_in_order(
    service: Any, program_id: str
) -> None:
    seen: list[tuple[str, Any]] = []
    done = threading.Event()

    def callback(job_id: str, result: Any) -> None:
        seen.append((job_id, result))
        if "double" in result:
            done.set()

    inputs = service.program(program_id).parameters()
    inputs.n = 2
    job = service.run(program_id, inputs, {"backend_name": "ideal_5"}, callback)

    result = {"name": "ideal_5", "double": 4}
    assert job.result() == result
    assert job.interim_results() == [{"number": 0}, {"number": 1}]
    assert done.wait(30)
    assert seen == [(job.job_id(), one) for one in ({"number": 0}, {"number": 1}, result)]


def test_a_program_runs_in_a_session_that_it_starts(service: Any, program_id: str) -> None:
    job = service.run(program_id, {"n": 0}, {"backend": "ideal_5"}, start_session=True)

    assert service.runtime.session(job.session_id).backend == "ideal_5"
    service.runtime.cancel_session(job.session_id)


def test_a_session_for_a_program_that_cannot_be_run_does_not_stay_open(
    service: Any, program_id: str
) -> None:
    with pytest.raises(IBMInputValueError):
        service.run(program_id, {"n": "no number"}, {"backend": "ideal_5"}, start_session=True)

    newest = service.runtime.sessions().items[0]
    assert newest.state is SessionState.CLOSED
