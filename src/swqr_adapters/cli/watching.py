"""Tables that are drawn again until nothing moves any more."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from swqr_core.config.connect import system_clock
from swqr_core.runtime.blocking import Runtime

from .common import console, saying, with_profile

__all__ = ["check_watch", "every_option", "watch", "watch_option"]

watch_option = click.option(
    "--watch", is_flag=True, help="Draw it again and again until all of it has ended."
)
every_option = click.option(
    "--every",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0.05),
    help="Seconds between two looks.",
)


def check_watch(*, watch: bool, as_json: bool, alone: str, filters: Iterable[object]) -> None:
    """Refuse options of a listing of which one would have no effect.

    Args:
        watch: Whether ``--watch`` was given.
        as_json: Whether ``--json`` was.
        alone: An option that lists all that was left behind, if it was given.
        filters: What the listing's filters were given.

    Raises:
        click.UsageError: Two do not go together.
    """
    if watch and as_json:
        raise click.UsageError("--watch draws a table: leave --json out")
    if alone and (watch or any(filters)):
        raise click.UsageError(f"{alone} lists all that was left: leave the other filters out")


def watch(
    runtime: Runtime,
    look: Callable[[], tuple[Any, bool]],
    *,
    every: float,
    stop: str,
    profile: str | None,
) -> None:
    """Draw until *look* says that everything has ended.

    Where nobody sees it being drawn again, because the output is no terminal, only the last state
    is printed.

    Args:
        runtime: On whose loop to pause.
        look: Returns what to draw, and whether something still moves.
        every: Seconds between two looks.
        stop: The command that ends one of what is watched, for whoever presses Ctrl-C.
        profile: The profile that the command was given.
    """
    from rich.live import Live

    clock = system_clock()
    drawn, moves = look()
    stop = f"what is shown goes on; '{with_profile(f'{stop} ID', profile)}' ends one of it"
    with saying(stop, runtime), Live(drawn, console=console(), auto_refresh=False) as live:
        while moves:
            runtime.run(lambda _: clock.sleep(every))
            drawn, moves = look()
            live.update(drawn, refresh=True)
    if not live.console.is_terminal:
        click.echo()  # rich leaves the last line open there
