"""``swqr completion``: what a shell needs to complete our commands."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(*, shell: str) -> None:
    """Print a script for a shell: ``eval "$(swqr completion bash)"``."""
    from .app import app

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click knows all three
        raise click.ClickException(f"there is no completion for {shell}")
    click.echo(kind(app, {}, "swqr", "_SWQR_COMPLETE").source())
