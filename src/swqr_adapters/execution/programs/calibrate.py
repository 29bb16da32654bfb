"""The program ``calibrate``: a simulated device is as good as its snapshot, and stays so."""

import json
from typing import Final

from swqr_adapters.clock import SystemClock
from swqr_adapters.codec.budget import Budget
from swqr_adapters.codec.errors import shorten
from swqr_adapters.codec.parsing import parse
from swqr_adapters.execution.errors import ProgramError
from swqr_adapters.execution.result import ProgramResult
from swqr_core.ports.executor import ExecutionRequest

__all__ = ["run"]

VERSIONS: Final = ("v0.1",)
JOB_VALIDATION_FAILED: Final = 1002


def run(request: ExecutionRequest) -> ProgramResult:
    """Answer that the calibration has been done; nothing changes and no device time passes.

    Raises:
        PayloadError: The parameters are no JSON.
        ProgramError: Their schema version is not known.
    """
    params = parse(request.params, Budget())
    # The first clients that could ask for a calibration did not say in which version.
    version = params.get("schema_version", VERSIONS[0]) if isinstance(params, dict) else None
    if version not in VERSIONS:
        raise ProgramError(
            f"The schema_version {shorten(version)} of calibrate is not known.",
            JOB_VALIDATION_FAILED,
            f"Send one of {', '.join(VERSIONS)}.",
        )
    now = SystemClock().now().isoformat().replace("+00:00", "Z")
    return ProgramResult(
        result=json.dumps({"schema_version": version, "start": now, "stop": now}).encode(),
        quantum_seconds=0.0,
        logs=("the device is simulated from a snapshot: its calibration is unchanged",),
    )
