"""``swqr backends``: what there is to run on."""

import click

from swqr_core.model.backend import BackendStatus

from .common import document, json_option, opened, print_json, print_table, profile_option

__all__ = ["backends"]


@click.command()
@profile_option
@json_option
@click.option("--min-qubits", default=1, type=click.IntRange(1), help="Only as large as this.")
@click.option("--online", is_flag=True, help="Only those that take jobs.")
def backends(*, profile: str | None, as_json: bool, min_qubits: int, online: bool) -> None:
    """List the backends, the shortest queue first."""
    with opened(profile, lasting=False) as runtime:
        found = [
            one
            for one in runtime.backends()
            if one.num_qubits >= min_qubits and (one.status is BackendStatus.ONLINE or not online)
        ]
    found.sort(key=lambda one: (one.queue_length, one.name))
    if as_json:
        print_json([document(one) for one in found])
        return
    print_table(
        ("BACKEND", "QUBITS", "STATUS", "QUEUE", "WHY"),
        (
            (one.name, one.num_qubits, one.status, one.queue_length, one.status_reason)
            for one in found
        ),
    )
