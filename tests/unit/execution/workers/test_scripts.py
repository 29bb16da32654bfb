"""Whole programs that use a pool: however they came to run, and however they end."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import swqr_core
from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.execution.supervisor import WorkerSettings
from swqr_core.ports.executor import ExecutionRequest

PROGRAMS = Path(__file__).parent / "programs"
SOURCE = Path(swqr_core.__file__).parents[1]

# No main guard: were it imported again by a worker, it would start workers for ever.
SCRIPT = f"""
import asyncio, sys
sys.path.append({str(PROGRAMS)!r})
from swqr_adapters.execution.pool import WorkerPool
from swqr_adapters.execution.supervisor import WorkerSettings
from swqr_core.ports.executor import ExecutionRequest

async def main(program_id, params, close=True):
    pool = WorkerPool(
        workers=2,
        programs={{program_id: "worker_test_programs:" + program_id}},
        settings=WorkerSettings(warm=()),
    )
    try:
        request = ExecutionRequest(job_id="j", program_id=program_id, params=params)
        print((await pool.execute(request)).result.decode())
    finally:
        if close:
            await pool.aclose()

"""
ECHO = SCRIPT + 'asyncio.run(main("echo", b"done"))\n'


def run(*arguments: str, input: str | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        input=input,
        cwd=cwd,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ECHO)

    assert run(str(script)) == "done\n"


def test_code_from_standard_input_runs() -> None:
    assert run("-", input=ECHO) == "done\n"


def test_code_from_the_command_line_runs() -> None:
    assert run("-c", ECHO) == "done\n"


def test_a_module_of_the_working_folder_does_not_stand_in_for_a_library(tmp_path: Path) -> None:
    (tmp_path / "ctypes.py").write_text("raise SystemExit('this is no library')")
    script = tmp_path / "folder" / "script.py"
    script.parent.mkdir()
    script.write_text(ECHO)

    assert run(str(script), cwd=tmp_path) == "done\n"


def test_swqr_in_a_zip_file_on_the_path_is_found_by_its_workers(tmp_path: Path) -> None:
    archive = tmp_path / "swqr.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for package in ("swqr_core", "swqr_adapters"):
            for module in (SOURCE / package).rglob("*.py"):
                file.write(module, module.relative_to(SOURCE))
    code = f"import sys; sys.path.insert(0, {str(archive)!r})" + SCRIPT
    out = run("-c", code + 'asyncio.run(main("where", b""))')

    assert out.startswith(str(archive))


def test_a_pool_works_on_the_loop_of_another_thread(
    programs: dict[str, str], request_for: Callable[..., ExecutionRequest]
) -> None:
    results: list[bytes] = []

    async def use() -> None:
        pool = WorkerPool(workers=1, programs=programs, settings=WorkerSettings(warm=()))
        results.append((await pool.execute(request_for("echo", b"1"))).result)
        failed = await pool.execute(request_for("leave", b"1"))
        results.append(str(failed.status).encode())
        await pool.aclose()

    thread = threading.Thread(target=lambda: asyncio.run(use()))
    thread.start()
    thread.join()

    assert results == [b"1", b"failed"]


@pytest.mark.parametrize("close", [True, False])
def test_ctrl_c_ends_the_program_and_leaves_no_worker(
    tmp_path: Path, close: bool, meeting: Any, has_died: Callable[[int], bool]
) -> None:
    code = SCRIPT + f'asyncio.run(main("hang", {meeting.params!r}, close={close}))'
    with subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stderr=subprocess.PIPE
    ) as parent:
        worker = int(meeting.started.read_text())
        os.killpg(parent.pid, signal.SIGINT)
        _, errors = parent.communicate(timeout=60)

    assert b"KeyboardInterrupt" in errors
    assert has_died(worker)


@pytest.mark.parametrize("name", ["hang", "hang_c"])
def test_a_parent_that_is_killed_leaves_no_worker(
    name: str, meeting: Any, has_died: Callable[[int], bool]
) -> None:
    code = SCRIPT + f"asyncio.run(main({name!r}, {meeting.params!r}))"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        worker = int(meeting.started.read_text())
        parent.kill()

    assert has_died(worker)


def test_a_parent_that_is_killed_leaves_no_worker_where_the_kernel_does_not_see_to_it(
    tmp_path: Path, meeting: Any, has_died: Callable[[int], bool]
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "from swqr_adapters.execution.worker import main\n"
        "sys.platform = 'another'\n"
        "os._exit(main(sys.argv[-3:]))\n"
    )
    python.chmod(0o755)
    script = SCRIPT.replace("warm=()", f"warm=(), python={str(python)!r}")
    code = script + f'asyncio.run(main("hang", {meeting.params!r}))'
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        worker = int(meeting.started.read_text())
        parent.kill()

    assert has_died(worker)


def test_the_callers_process_loads_no_heavy_library() -> None:
    code = ECHO + "print({'numpy', 'qiskit', 'multiprocessing'} & set(sys.modules))"

    assert run("-c", code) == "done\nset()\n"


def test_a_parent_that_leaves_without_closing_leaves_no_worker(
    meeting: Any, has_died: Callable[[int], bool]
) -> None:
    code = SCRIPT + (
        "import os, threading\n"
        "def leave():\n"
        f"    open({str(meeting.gate)!r}).read()\n"
        "    os._exit(0)\n"
        "threading.Thread(target=leave, daemon=True).start()\n"
        f'asyncio.run(main("hang", {meeting.params!r}))'
    )
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        worker = int(meeting.started.read_text())
        meeting.gate.write_bytes(b"")
        parent.wait(timeout=60)

    assert has_died(worker)
