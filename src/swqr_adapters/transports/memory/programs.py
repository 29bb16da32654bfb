"""The programs that the cloud has built in."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from swqr_adapters.execution.programs import PROGRAMS as BUILT_IN
from swqr_core.model.ids import ProgramId
from swqr_core.model.program import Program, ProgramSpec

__all__ = ["PROGRAMS", "program_slug"]

_ABOUT = {
    "sampler": "Samples the classical registers of circuits.",
    "estimator": "Estimates expectation values of observables.",
    "executor": "Runs quantum programs of circuits and samplexes.",
    "noise-learner": "Learns the noise of layers of gates.",
    "noiselearner": "The same as noise-learner, under its older name.",
    "calibrate": "Reserves a window in which the device is calibrated.",
}

PROGRAMS: Final[Mapping[str, Program]] = MappingProxyType(
    {
        name: Program(
            id=ProgramId(name),
            spec=ProgramSpec(
                name=name, description=_ABOUT.get(name, ""), cost=10_800, is_public=True
            ),
        )
        for name in BUILT_IN
    }
)
"""By id."""

_OTHER: Final = re.compile(r"[^a-z0-9]+")


def program_slug(name: str) -> str:
    """Return what the id of a program of that name begins with."""
    return _OTHER.sub("-", name.lower()).strip("-") or "program"
