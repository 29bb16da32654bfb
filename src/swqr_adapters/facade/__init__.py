"""Qiskit Runtime programs over any transport, by changing an import line.

Every public name of the official package is here: ours where a class has to reach the cloud, and
the official ones, unchanged, for everything else::

    from swqr_adapters.facade import QiskitRuntimeService, SamplerV2, Session

Nothing is imported until a name is used; the first one imports qiskit-ibm-runtime, which takes
seconds, and checks that the installed release can be driven.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .loading import quick_import

if TYPE_CHECKING:
    from qiskit_ibm_runtime import Estimator as Estimator
    from qiskit_ibm_runtime import EstimatorOptions as EstimatorOptions
    from qiskit_ibm_runtime import EstimatorV2 as EstimatorV2
    from qiskit_ibm_runtime import Executor as Executor
    from qiskit_ibm_runtime import ExecutorOptions as ExecutorOptions
    from qiskit_ibm_runtime import IBMBackend as IBMBackend
    from qiskit_ibm_runtime import NoiseLearner as NoiseLearner
    from qiskit_ibm_runtime import NoiseLearnerOptions as NoiseLearnerOptions
    from qiskit_ibm_runtime import NoiseLearnerV2 as NoiseLearnerV2
    from qiskit_ibm_runtime import NoiseLearnerV3 as NoiseLearnerV3
    from qiskit_ibm_runtime import NoiseLearnerV3Options as NoiseLearnerV3Options
    from qiskit_ibm_runtime import Options as Options
    from qiskit_ibm_runtime import OptionsV2 as OptionsV2
    from qiskit_ibm_runtime import QuantumProgram as QuantumProgram
    from qiskit_ibm_runtime import RuntimeDecoder as RuntimeDecoder
    from qiskit_ibm_runtime import RuntimeEncoder as RuntimeEncoder
    from qiskit_ibm_runtime import Sampler as Sampler
    from qiskit_ibm_runtime import SamplerOptions as SamplerOptions
    from qiskit_ibm_runtime import SamplerV2 as SamplerV2

    from .job import RuntimeJobV2 as RuntimeJob
    from .job import RuntimeJobV2 as RuntimeJobV2
    from .service import QiskitRuntimeService as IBMQuantumComputeService
    from .service import QiskitRuntimeService as QiskitRuntimeService
    from .session import Batch as Batch
    from .session import Session as Session

__all__ = [
    "Batch",
    "Estimator",
    "EstimatorOptions",
    "EstimatorV2",
    "Executor",
    "ExecutorOptions",
    "IBMBackend",
    "IBMQuantumComputeService",
    "NoiseLearner",
    "NoiseLearnerOptions",
    "NoiseLearnerV2",
    "NoiseLearnerV3",
    "NoiseLearnerV3Options",
    "Options",
    "OptionsV2",
    "QiskitRuntimeService",
    "QuantumProgram",
    "RuntimeDecoder",
    "RuntimeEncoder",
    "RuntimeJob",
    "RuntimeJobV2",
    "Sampler",
    "SamplerOptions",
    "SamplerV2",
    "Session",
]

_OURS = {
    "Batch": (".session", "Batch"),
    "IBMQuantumComputeService": (".service", "QiskitRuntimeService"),
    "QiskitRuntimeService": (".service", "QiskitRuntimeService"),
    "RuntimeJob": (".job", "RuntimeJobV2"),
    "RuntimeJobV2": (".job", "RuntimeJobV2"),
    "Session": (".session", "Session"),
}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):  # nothing private is passed on, and looking costs nothing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with quick_import():
        if name in _OURS:
            module, attribute = _OURS[name]
            value = getattr(import_module(module, __name__), attribute)
        else:
            value = _official(name)
    globals()[name] = value
    return value


def _official(name: str) -> Any:
    """Return a public name of the official package, or one of its modules."""
    package = import_module(".contract", __name__).official
    if hasattr(package, name):
        return getattr(package, name)
    try:
        return import_module(f"{package.__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package.__name__}.{name}":
            raise
    msg = f"module {__name__!r} has no attribute {name!r}, nor has the installed official package"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
