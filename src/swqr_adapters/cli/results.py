"""``swqr results``: what came of a job."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import click
from attrs import field, frozen

from swqr_adapters.execution.text import one_line
from swqr_adapters.progress import wait_job
from swqr_core.errors import InvalidInputError, JobOutcomeError, SwqrError

from .common import job_goes_on, json_option, opened, print_table, profile_option, save
from .official import official_classes

__all__ = ["Measured", "measured_in", "results", "show_counts"]

_BAR: Final = 32  # characters
_ROWS: Final = 16
_FLIPS: Final = "measurement_flips."
_MOST_DIGITS: Final = 500_000_000

# What comes of values that have another type or size than a primitive's.
_MALFORMED: Final = (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError)


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
    if output is not None and not output.absolute().parent.is_dir():
        raise click.UsageError(f"--output: there is no folder {str(output.parent)!r}")
    with opened(profile) as runtime:
        with job_goes_on(job_id, runtime, profile):
            wait_job(runtime, job_id, timeout=timeout)
        raw = runtime.attach_job(job_id).result()
    if not raw:
        raise JobOutcomeError(job_id, "it has no result (any more): a private one is given once")
    if output is not None:
        save(output, raw)
        click.echo(f"wrote {len(raw)} bytes to {output}", err=True)
    elif as_json:
        click.echo(_text(raw))
    else:
        _show(job_id, raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("result", "is no text: save it with --output FILE") from error


def _show(job_id: str, raw: bytes) -> None:
    measured = list(measured_in(raw))
    if not any(one.counts or one.evs for one in measured):
        raise InvalidInputError(
            "result",
            f"that of job {job_id!r} has neither counts nor expectation values: print it with "
            "--json, or save it with --output FILE",
        )
    for number, one in enumerate(measured):
        for register, counts in one.counts.items():
            click.echo(f"circuit {number}, {one_line(register)}")
            show_counts(counts)
        if one.evs:
            errors = [f"{error:.4f}" for error in one.stds[: len(one.evs)]]
            click.echo(f"circuit {number}")
            print_table(
                ("VALUE", "STANDARD ERROR"),
                [(f"{value:+.4f}", error) for value, error in zip_longest(one.evs, errors)],
            )


@frozen(kw_only=True)
class Measured:
    """What was measured of one circuit.

    Attributes:
        counts: How often each bit string was sampled, by register.
        evs: Expectation values.
        stds: Their standard errors.
    """

    counts: Mapping[str, Mapping[str, int]] = field(factory=dict)
    evs: Sequence[float] = ()
    stds: Sequence[float] = ()


def measured_in(raw: bytes) -> Iterator[Measured]:
    """Yield what a result says about each circuit; nothing for what is no primitive's result.

    Raises:
        InvalidInputError: It is no JSON, or not what a primitive answers.
        MissingExtraError: An official client submitted the job, and Qiskit is not installed.
    """
    try:
        yield from _measured_in(raw)
    except SwqrError:
        raise
    except _MALFORMED as error:
        problem = f"cannot be read ({error}): save it with --output FILE"
        raise InvalidInputError("result", problem) from error


def _measured_in(raw: bytes) -> Iterator[Measured]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("result", "is no JSON: save it with --output FILE") from error
    if not isinstance(found, Mapping):
        return
    if found.get("__type__") == "PrimitiveResult":
        yield from _official("sampler", raw)
        return
    if _is_executors(found):
        yield from _official("executor", raw)
        return
    for pub in found.get("results", []):
        data = pub.get("data") if isinstance(pub, Mapping) else None
        if isinstance(data, Mapping):
            registers = {name: one for name, one in data.items() if isinstance(one, Mapping)}
            yield Measured(
                counts={n: counts_of(one) for n, one in registers.items() if "samples" in one},
                evs=_numbers(data.get("evs")),
                stds=_numbers(data.get("stds")),
            )


def _is_executors(found: Mapping[str, Any]) -> bool:
    """Return whether this is a document of the program ``executor``."""
    data = found.get("data")
    return (
        "schema_version" in found
        and isinstance(data, list)
        and all(isinstance(one, Mapping) and "results" in one for one in data)
    )


def _official(program_id: str, raw: bytes) -> Iterator[Measured]:
    """Read what was encoded for an official client, by our allow-list.

    What a client's own sampler or estimator made of the executor's bits is in it already.
    """
    with official_classes("this result"):
        from swqr_adapters.codec.errors import PayloadError
        from swqr_adapters.codec.official import decode_result

        try:
            result = decode_result(program_id, raw)
        except PayloadError as error:
            raise InvalidInputError("result", f"cannot be read: {error}") from error
        for pub in result:
            data = dict((pub.data if hasattr(pub, "data") else pub).items())
            yield Measured(
                counts={name: counts for name in data if (counts := _counts(name, data))},
                evs=data["evs"].ravel().tolist() if "evs" in data else (),
                stds=data["stds"].ravel().tolist() if "stds" in data else (),
            )


def _counts(name: str, data: Mapping[str, Any]) -> dict[str, int]:
    """Return how often each bit string was sampled, if that is what *name* holds."""
    bits = data[name]
    if not hasattr(bits, "get_counts"):
        shaped = getattr(bits, "ndim", 0) > 1 and bits.size
        if not shaped or bits.dtype.kind != "b" or name.startswith(_FLIPS):
            return {}
        from qiskit.primitives import BitArray

        flips = data.get(f"{_FLIPS}{name}")  # a twirled measurement is turned back
        measured = bits if flips is None else bits ^ flips
        bits = BitArray.from_bool_array(measured, order="little")
    found: dict[str, int] = bits.get_counts()
    return found


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
    samples = Counter(bits["samples"])
    if width * len(samples) > _MOST_DIGITS:
        raise ValueError(f"{len(samples)} different samples of {width} bits are too many to show")
    found: Counter[str] = Counter()
    for sample, count in samples.items():
        found[f"{int(sample, 16):0{width}b}"] += count
    return dict(found)


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
