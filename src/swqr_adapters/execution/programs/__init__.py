"""The programs that a job may name, and where each one lives.

A program is a function ``run(request: ExecutionRequest) -> ProgramResult``. It is named as
``"module:function"`` and imported when its first job arrives, because every program needs Qiskit.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["PROGRAMS"]

_HERE = "swqr_adapters.execution.programs"

#: Program id to ``"module:function"``.
PROGRAMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "calibrate": f"{_HERE}.calibrate:run",
        "estimator": f"{_HERE}.estimator:run",
        "executor": f"{_HERE}.executor:run",
        "noise-learner": f"{_HERE}.noise_learner:run",
        "noiselearner": f"{_HERE}.noise_learner:run",
        "sampler": f"{_HERE}.sampler:run",
    }
)
