"""``swqr results``: what came of a job."""

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import click

from swqr_core.errors import InvalidInputError, JobOutcomeError

from .common import json_option, opened, print_table, profile_option

__all__ = ["counts_of", "results", "show_counts"]

_BAR: Final = 32  # characters
_ROWS: Final = 16


@click.command()
@click.argument("job_id")
@profile_option
@json_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result's exact text to this file instead.",
)
@click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait; for ever if left out.")
def results(
    *,
    job_id: str,
    profile: str | None,
    as_json: bool,
    output: Path | None,
    timeout: float | None,
) -> None:
    """Wait for a job, and show its counts or its expectation values, or save its result."""
    with opened(profile) as runtime:
        raw = runtime.attach_job(job_id).result(timeout=timeout)
    if not raw:
        raise JobOutcomeError(job_id, "it has no result (any more): a private one is given once")
    if output is not None:
        output.write_bytes(raw)
        click.echo(f"wrote {len(raw)} bytes to {output}", err=True)
    elif as_json:
        click.echo(raw.decode())
    else:
        _show(job_id, raw)


def _show(job_id: str, raw: bytes) -> None:
    shown = False
    for number, pub in enumerate(_pubs(raw)):
        data = pub.get("data", {})
        for register, bits in data.items():
            if isinstance(bits, Mapping) and "samples" in bits:
                shown = True
                click.echo(f"circuit {number}, {register}")
                show_counts(counts_of(bits))
        values = _numbers(data.get("evs")) if isinstance(data, Mapping) else []
        if values:
            shown = True
            errors = [f"{error:.4f}" for error in _numbers(data.get("stds"))]
            click.echo(f"circuit {number}")
            print_table(
                ("VALUE", "STANDARD ERROR"),
                [
                    (f"{value:+.4f}", error)
                    for value, error in zip_longest(values, errors[: len(values)])
                ],
            )
    if not shown:
        raise InvalidInputError(
            "result", f"that of job {job_id!r} has no counts to show: save it with --output FILE"
        )


def _pubs(raw: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("result", "is no JSON: save it with --output FILE") from error
    pubs = found.get("results", []) if isinstance(found, Mapping) else []
    yield from (pub for pub in pubs if isinstance(pub, Mapping))


def _numbers(value: object) -> list[float]:
    """Return numbers out of lists in lists."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [float(value)]
    return [n for one in value for n in _numbers(one)] if isinstance(value, list) else []


def counts_of(bits: Mapping[str, Any]) -> dict[str, int]:
    """Return how often each bit string was sampled.

    Args:
        bits: ``samples`` as hexadecimal text, and ``num_bits``.
    """
    width = int(bits.get("num_bits", 0))
    counts: dict[str, int] = {}
    for sample in bits["samples"]:
        text = f"{int(sample, 16):0{width}b}"
        counts[text] = counts.get(text, 0) + 1
    return counts


def show_counts(counts: Mapping[str, int]) -> None:
    """Print counts as bars, the most frequent ones."""
    total, most = sum(counts.values()), max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = sorted(ordered[:_ROWS])
    rows = [
        (bits, count, f"{'█' * max(1, round(_BAR * count / most))} {count / total:.1%}")
        for bits, count in kept
    ]
    print_table(("BITS", "SHOTS", ""), rows)
    if len(ordered) > len(kept):
        rest = sum(count for _, count in ordered[_ROWS:])
        click.echo(f"and {len(ordered) - len(kept)} others with {rest} shots")
