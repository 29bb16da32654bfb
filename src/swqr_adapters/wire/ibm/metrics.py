"""What a job has used, and when it ran: ``usage`` of a job, and ``/jobs/{id}/metrics``."""

from typing import Any, Final

from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import JobMetrics
from swqr_core.model.usage import JobUsage

from .values import Reader, beyond, broken, reading, timestamp

__all__ = ["job_usage_document", "metrics_document", "parse_job_usage", "parse_metrics"]

_KNOWN: Final = frozenset({"bss", "timestamps", "usage"})


def job_usage_document(usage: JobUsage) -> dict[str, Any]:
    """Return what a job has used, in the names of all versions."""
    return {
        "qpu_charge_time_seconds": usage.quantum_seconds,
        "status": "complete" if usage.final else "pending",
        # Until 0.47 the official client reads these two.
        "quantum_seconds": usage.quantum_seconds,
        "seconds": usage.quantum_seconds,
    }


def metrics_document(metrics: JobMetrics) -> dict[str, Any]:
    """Return a job's metrics (REST: ``GET /jobs/{id}/metrics``)."""
    return {
        **metrics.values,
        "timestamps": {
            "created": timestamp(metrics.created_at),
            "running": timestamp(metrics.running_at),
            "finished": timestamp(metrics.ended_at),
        },
        "usage": job_usage_document(metrics.usage),
        "bss": {"seconds": metrics.usage.quantum_seconds},
    }


def parse_job_usage(read: Reader, state: JobState) -> JobUsage:
    """Read usage in the forms of all versions."""
    for name in ("qpu_charge_time_seconds", "quantum_seconds", "seconds"):
        seconds = read.number(name)
        if seconds is not None:
            break
    else:
        return JobUsage()
    status = read.text_or_none("status")
    final = status == "complete" if status is not None else state.ended
    return JobUsage(quantum_seconds=max(seconds, 0.0), final=final)


@reading
def parse_metrics(document: object) -> JobMetrics:
    """Read a job's metrics, in the forms of all versions.

    Raises:
        ProtocolError: There is no time of creation, or a field has a wrong type.
    """
    read = Reader(document, "job metrics")
    times = Reader(read.object("timestamps"), "job metrics timestamps")
    created, ended = times.time("created"), times.time("finished")
    if created is None:
        raise broken(read.name, "'timestamps.created' is not there", read.document)
    usage = Reader(read.object("usage"), "job metrics usage")
    state = JobState.QUEUED if ended is None else JobState.COMPLETED
    return JobMetrics(
        created_at=created,
        running_at=times.time("running"),
        ended_at=ended,
        usage=parse_job_usage(usage, state),
        values=beyond(read.document, _KNOWN),
    )
