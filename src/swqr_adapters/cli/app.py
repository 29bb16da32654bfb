"""The command and its sub-commands; each is imported only when it is used."""

import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Final

import click

from swqr_core.errors import SwqrError

from .exits import STOPPED, exit_code

__all__ = ["app", "run"]

# Name -> where it is, and the line that `--help` shows without importing it.
_COMMANDS: Final = {
    "backends": ("swqr_adapters.cli.backends:backends", "List the backends."),
    "completion": ("swqr_adapters.cli.completion:completion", "Print a shell's completion script."),
    "config": ("swqr_adapters.cli.config:config", "Show what is configured, and by whom."),
    "demo": ("swqr_adapters.cli.demo:demo", "Run a small program on the in-memory cloud."),
    "doctor": ("swqr_adapters.cli.doctor:doctor", "Check that everything is as it should be."),
    "exec": ("swqr_adapters.cli.execute:execute", "Run an unedited program on any transport."),
    "jobs": ("swqr_adapters.cli.jobs:jobs", "List jobs; show or cancel them."),
    "programs": ("swqr_adapters.cli.programs:programs", "List programs; upload or run them."),
    "results": ("swqr_adapters.cli.results:results", "Show or save what came of a job."),
    "run": ("swqr_adapters.cli.run:run", "Sample the circuit in a file."),
    "serve": ("swqr_adapters.cli.serve:serve", "Serve IBM's REST interface over any transport."),
    "sessions": ("swqr_adapters.cli.sessions:sessions", "List sessions; show or close them."),
}


class _LazyGroup(click.Group):
    """A group that imports a sub-command when it is run, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in sorted(_COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("swqr"), package_name="swqr")
def app() -> None:
    """Run Qiskit Runtime work from any platform over any transport."""


def run(args: Sequence[str] | None = None) -> int:
    """Run the command; an error is one sentence on standard error.

    Returns:
        0 if all went well, 2 if the command line was wrong, 130 after Ctrl-C, and otherwise what
        ``exits`` says of the error.
    """
    try:
        code = app.main(args=args, prog_name="swqr", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("swqr: stopped", err=True)
        return STOPPED
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except SwqrError as error:
        from swqr_adapters.execution.text import printable

        click.echo(f"swqr: {printable(str(error))}", err=True)  # it may be a platform's words
        return exit_code(error)
    return code if isinstance(code, int) else 0
