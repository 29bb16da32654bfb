"""``swqr config``: what is in force, and who said so."""

from collections.abc import Iterator
from typing import Any

import click

from swqr_core.config.connect import active_profile, system_settings
from swqr_core.config.effective import effective_settings
from swqr_core.config.profile import NOBODY, Profile, Setting
from swqr_core.errors import SwqrError

from .common import json_option, print_json, print_table, profile_option

__all__ = ["config"]


@click.command()
@profile_option
@json_option
@click.option("--profiles", "names", is_flag=True, help="List the profiles that there are instead.")
def config(*, profile: str | None, as_json: bool, names: bool) -> None:
    """Show the settings in force and where each came from. Secrets are masked."""
    if names:
        found = _names()
        if as_json:
            print_json(found)
        else:
            print_table(
                ("PROFILE", "TRANSPORT", "FILE"),
                [(one["name"], one["transport"], one["file"]) for one in found],
            )
        return
    active = active_profile(profile)
    rows = list(_settings(active))
    if as_json:
        settings = [
            {"name": name, "value": one.shown or None, "origin": one.origin} for name, one in rows
        ]
        print_json({"profile": active.name, "settings": settings})
        return
    click.echo(f"profile {active.name}" if active.name else "no profile")
    print_table(("SETTING", "VALUE", "FROM"), [(name, one.shown, one.origin) for name, one in rows])


def _settings(active: Profile) -> Iterator[tuple[str, Setting]]:
    yield "transport", active.transport
    if active.location:
        origin = active.transport.origin
        yield "location", Setting(name="location", value=active.location, origin=origin)
    try:
        yield from effective_settings(active)
    except SwqrError as error:
        click.echo(f"swqr: not all of it can be told: {error}", err=True)
    yield "journal", active.journal or Setting(name="journal", value="on", origin=NOBODY)


def _names() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "transport": active_profile(name).transport.value,
            "file": file.place("profiles", name),
        }
        for file in system_settings().files()
        for name in dict(file.content.get("profiles", {}))  # type: ignore[call-overload]
    ]
