"""``swqr programs``, against a server of one's own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_adapters.cli.behind import make_behind
from swqr_core.errors import UnsupportedOperation
from swqr_core.model.principal import Principal

from .conftest import World

SOURCE = """def main(backend, user_messenger, **kwargs):
    for number in range(kwargs["n"]):
        user_messenger.publish(number)
    return {"qubits": backend.num_qubits}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_program.py"
    path.write_text(SOURCE)
    return path


def test_a_program_is_uploaded_listed_shown_published_and_deleted(
    swqr: Callable[..., Any], world: World, file: Path, tmp_path: Path
) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps({"cost": 30, "spec": {"parameters": {"required": ["n"]}}}))
    at = ("--profile", world.url)
    done = swqr("programs", "upload", str(file), "--metadata", str(metadata), "--tag", "red", *at)
    program_id = done.out.strip()

    assert program_id.startswith("my-program-")
    (listed,) = swqr("programs", "--tag", "red", "--json", *at).json
    assert (listed["id"], listed["spec"]["cost"]) == (program_id, 30)
    assert program_id in swqr("programs", *at).out
    assert '{"required": ["n"]}' in swqr("programs", "show", program_id, *at).out
    assert swqr("programs", "show", program_id, "--source", *at).out == SOURCE
    assert "is public" in swqr("programs", "publish", program_id, *at).out
    assert swqr("programs", "show", program_id, "--json", *at).json["spec"]["is_public"] is True
    assert "deleted" in swqr("programs", "delete", program_id, *at).out
    assert "not found" in swqr("programs", "show", program_id, *at).err


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{", "cannot be read"), ("[]", "must be a JSON object"), ('{"named": "x"}', "'named'")],
)
def test_metadata_that_cannot_be_used_is_told(
    swqr: Callable[..., Any], file: Path, tmp_path: Path, content: str, problem: str
) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text(content)

    shown = swqr("programs", "upload", str(file), "--metadata", str(metadata))

    assert problem in shown.err
    assert shown.code != 0


def test_a_program_runs_and_shows_what_it_publishes(file: Path) -> None:
    """In a process of its own, as it is used; trusted, so that it runs on every machine."""
    script = f"""
import contextlib, io, sys
from swqr_adapters.cli.app import run
from swqr_adapters.cli import common
from swqr_core import Runtime
shared = Runtime.connect("memory://?programs=limits&seed=1&workers=1")

@contextlib.contextmanager
def opened(profile, *, lasting=True):
    yield shared

import swqr_adapters.cli.programs as programs
programs.opened = opened
out = io.StringIO()
with contextlib.redirect_stdout(out):
    run(["programs", "upload", {str(file)!r}])
name = out.getvalue().strip()
code = run(["programs", "run", name, "--backend", "ideal_5", "--param", "n=2", "--timeout", "250"])
shared.close()
sys.exit(code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )

    assert done.stdout == '{"qubits":5}\n'
    assert done.stderr.splitlines()[1:] == ["0", "1"]


@pytest.mark.parametrize(
    ("local", "programs", "url", "on"),
    [
        (True, None, "memory://", True),
        (False, None, "memory://", False),
        (False, "isolated", "memory://", True),
        (False, None, "memory://?programs=isolated", True),
        (True, "off", "memory://", False),
    ],
)
async def test_beyond_this_machine_programs_are_off_unless_they_are_switched_on(
    local: bool, programs: str | None, url: str, on: bool
) -> None:
    behind = await make_behind(url, ("key",), None, local=local, programs=programs)
    account = await behind.ring.account("key")
    assert account is not None
    principal = Principal(user=account.user, instance=behind.instance.id)
    transport = await behind.ring.transport(principal)

    assert transport.capabilities.program_uploads is on
    if not on:
        with pytest.raises(UnsupportedOperation, match="switched off"):
            await transport.delete_program("any")
    await behind.ring.aclose()
