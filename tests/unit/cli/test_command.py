"""The command itself: help, errors, exit codes, completion."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from swqr_adapters.cli.app import run
from swqr_adapters.cli.exits import EXIT_CODES, exit_code
from swqr_core import errors

from .conftest import Shown, World

Swqr = Callable[..., Shown]
COMMANDS = (
    "backends", "completion", "config", "demo", "doctor", "exec", "jobs", "programs", "results",
    "run", "serve", "sessions",
)  # fmt: skip
HEAVY = {"aiohttp", "httpx", "numpy", "qiskit", "qiskit_aer", "qiskit_ibm_runtime"}


def test_help_names_every_command(swqr: Swqr) -> None:
    shown = swqr("--help")

    assert {line.split()[0] for line in shown.out.splitlines() if line.startswith("  ")} >= set(
        COMMANDS
    )


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS), ("jobs", "show")])
def test_help_loads_neither_qiskit_nor_an_http_client(command: tuple[str, ...]) -> None:
    program = (
        "import sys\n"
        "from swqr_adapters.cli.app import run\n"
        f"run([*{command!r}, '--help'])\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("Usage: swqr")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("jobs", "-p", "nowhere"), 3, "there is no profile 'nowhere'"),
        (("jobs", "-p", "memry://"), 3, "did you mean 'memory'?"),
        (("jobs", "--since", "yesterday"), 6, "--since"),
        (("jobs", "--since", "9999999999999d"), 6, "--since"),
        (("results", "x", "--output", "no/such/folder/file"), 2, "no/such/folder"),
        (("jobs", "--state", "done"), 2, "--state"),
        (("backends", "-p", "http://127.0.0.1:1"), 9, "127.0.0.1:1"),
        (("results", "x", "-p", "replay://no-such-file"), 3, "holds no recording"),
    ],
)
def test_an_error_is_one_sentence_with_a_code_of_its_kind(
    swqr: Swqr, args: tuple[str, ...], code: int, says: str
) -> None:
    shown = swqr(*args)

    assert (shown.code, shown.out) == (code, "")
    assert says in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("command", ["show", "cancel"])
def test_what_is_not_there_has_its_own_code(swqr: Swqr, world: World, command: str) -> None:
    assert swqr("jobs", command, "no-such", "-p", world.url).code == 4
    assert swqr("sessions", command, "no-such", "-p", world.url).code == 4


def test_the_codes_are_all_different_and_the_tree_is_covered() -> None:
    codes = [code for _, code in EXIT_CODES]

    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2, 130} & set(codes)
    assert exit_code(errors.MissingExtraError("x", "cli")) == 3
    assert exit_code(errors.ClosedError("x")) == 1


def test_an_in_memory_cloud_says_that_it_remembers_nothing(swqr: Swqr) -> None:
    shown = swqr("jobs", "--json", "-p", "memory://?execution=threads")

    assert shown.json == []
    assert "swqr serve" in shown.err


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_shell_gets_its_completion(swqr: Swqr, shell: str) -> None:
    assert "_SWQR_COMPLETE" in swqr("completion", shell).out


def test_commands_and_profiles_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_SWQR_COMPLETE", "bash_complete")
    found = []
    for words, place in (("swqr ses", "1"), ("swqr jobs -p mem", "3")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", place)
        with pytest.raises(SystemExit):
            run([])
        found.append(capsys.readouterr().out)

    assert found == ["plain,sessions\n", "plain,memory://\n"]
