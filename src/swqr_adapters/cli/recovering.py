"""Work that programs of before have left, on every transport that they used."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from swqr_adapters.storage.journal import journal_folder, read_journals
from swqr_core.errors import SwqrError

if TYPE_CHECKING:
    from swqr_core.runtime.blocking import BlockingJob, BlockingSession, Runtime
    from swqr_core.runtime.recovery import Recovery

__all__ = ["recovered", "tell_of_others"]


def recovered(profile: str | None) -> "Iterator[Recovery[BlockingJob, BlockingSession]]":
    """Yield what is found again on each transport that a journal names, or on one.

    A transport that cannot be reached is told, and the others are looked at.

    Args:
        profile: Only there; everywhere if None.
    """
    from swqr_core.runtime.blocking import Runtime

    for choice in [profile] if profile is not None else _choices():
        try:
            with Runtime.connect(choice) as runtime:
                found = runtime.recover()
                for key in found.unknown:
                    click.echo(f"swqr: nobody can tell what became of {key}", err=True)
                yield found
        except SwqrError as error:
            click.echo(f"swqr: {choice or 'the active profile'}: {error}", err=True)


def _choices() -> list[str | None]:
    folder = journal_folder(os.environ)
    if folder is None:
        return []
    return list(dict.fromkeys(one.head.get("choice") for one in read_journals(folder)))


def tell_of_others(runtime: "Runtime") -> None:
    """Say how many jobs a listing of this transport may lack, and how they are found.

    They are those that programs which are gone sent elsewhere, and those that were not answered.
    """
    folder = journal_folder(os.environ)
    able, principal = runtime.capabilities, runtime.transport.principal
    here = {"transport": able.transport, "instance": principal.instance}
    lacking = sum(
        noted.noun == "job" and not noted.refused and (noted.id is None or not one.leads_to(here))
        for one in (read_journals(folder) if folder is not None else ())
        if not one.alive
        for noted in one.work
    )
    if lacking:
        jobs = "1 job" if lacking == 1 else f"{lacking} jobs"
        click.echo(
            f"swqr: {jobs} of earlier programs went elsewhere or were not answered; "
            "'swqr jobs --journal' finds them",
            err=True,
        )
