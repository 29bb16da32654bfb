"""``swqr exec``: a program that was written for another platform, unedited, on any transport."""

import os
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import click

from swqr_core.config.connect import active_profile

from .common import json_option, profile_option
from .exits import FAILED

__all__ = ["execute"]

_WITH_VALUE: Final = frozenset({"-p", "--profile", "--record", "--replay", "--compare"})


class _Command(click.Command):
    """A command whose options end with the program's name: what follows is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in {"-m", "--"}:
            at += 2 if args[at] in _WITH_VALUE else 1
        if at < len(args) and args[at] == "-m":
            args = [*args[: at + 2], "--", *args[at + 2 :]]
        return super().parse_args(ctx, args)


@click.command("exec", cls=_Command, context_settings={"allow_interspersed_args": False})
@profile_option
@json_option
@click.option("-m", "module", help="Run a module instead of a file, as python -m does.")
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Record to this file."
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Run offline, from a recording.",
)
@click.option(
    "--compare",
    metavar="PROFILE,PROFILE",
    help="Run on both, and say how far what was measured is apart.",
)
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
def execute(
    *,
    profile: str | None,
    as_json: bool,
    module: str | None,
    record: Path | None,
    replay: Path | None,
    compare: str | None,
    program: tuple[str, ...],
) -> int:
    """Run a program that imports qiskit_ibm_runtime or strangeworks_qiskit_runtime.

    It need not be edited: its services and sessions are ours, over the profile's transport.
    """
    if module is None and not program:
        raise click.UsageError("name a program, or a module with -m")
    if sum(one is not None for one in (profile, replay, compare)) > 1:
        raise click.UsageError("give one of --profile, --replay and --compare")
    if module is None and not Path(program[0]).exists():
        raise click.UsageError(f"there is no file {program[0]!r}")
    command = ["-m", module, *program] if module is not None else list(program)
    if compare is not None:
        from .comparing import compare_runs

        return compare_runs(compare, command, as_json=as_json)
    _configure(f"replay://{replay.absolute()}" if replay is not None else profile, record)
    return _run(module, program)


def _configure(choice: str | None, record: Path | None) -> None:
    """Tell the program, and those that it starts, where to go."""
    if choice is not None:
        os.environ["SWQR_PROFILE"] = choice
        os.environ.pop("SWQR_TRANSPORT", None)
    found = active_profile()  # what cannot be is told before the program starts
    if record is not None:
        wraps = [one.name for one in found.wrappers if one.name != "record"]
        os.environ["SWQR_WRAP"] = ",".join(["record", *wraps])
        os.environ["SWQR_RECORD_FILE"] = str(record.absolute())


def _run(module: str | None, program: tuple[str, ...]) -> int:
    from swqr_adapters.facade.takeover import take_over

    take_over()
    try:
        if module is not None:
            sys.argv = [module, *program]
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(program)
            sys.path.insert(0, str(Path(program[0]).absolute().parent))
            runpy.run_path(program[0], run_name="__main__")
    except Exception as error:  # noqa: BLE001 - it is the program's, and shown as such
        traceback.print_exception(type(error), error, _inside(error.__traceback__))
        return FAILED
    return 0


def _inside(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback that is the program's."""
    own = trace
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<frozen runpy>":
            own = trace.tb_next
        trace = trace.tb_next
    return own
