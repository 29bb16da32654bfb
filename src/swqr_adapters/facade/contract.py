"""What the facade takes from the official client, and the check that it is still there.

This is the only module that looks names up inside qiskit-ibm-runtime. Importing it imports that
package, which takes seconds, and checks the seam: every class that is extended, every private
method that official objects call on a service, every constructor parameter that is filled. What a
release has moved is told in one sentence, before anything can go wrong silently.
"""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any, Final

from swqr_core.errors import ConfigurationError, MissingExtraError

__all__ = [
    "Batch",
    "IBMBackend",
    "IBMRetiredBackend",
    "QiskitRuntimeService",
    "RequestsApiError",
    "RuntimeJobV2",
    "RuntimeOptions",
    "Session",
    "accepted_by",
    "check",
    "configuration_from_server_data",
    "exceptions",
    "low_level_client",
    "moved",
    "official",
    "parameters",
]

PACKAGE: Final = "qiskit-ibm-runtime"

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # Official objects call these on our service.
        "QiskitRuntimeService._get_api_client": ("instance",),
        "QiskitRuntimeService._get_api_clients": (),
        "QiskitRuntimeService._run": (
            "program_id",
            "inputs",
            "options",
            "result_decoder",
            "session_id",
            "calibration_id",
        ),
        # We call or extend these.
        "Batch.__init__": ("backend", "max_time", "create_new"),
        "IBMBackend.__init__": ("configuration", "service", "api_client", "instance"),
        "RuntimeJobV2.__init__": (
            "backend",
            "api_client",
            "job_id",
            "program_id",
            "service",
            "creation_date",
            "result_decoder",
            "session_id",
            "tags",
        ),
        "RuntimeJobV2.result": ("timeout", "decoder"),
        "RuntimeJobV2.status": (),
        "RuntimeJobV2.wait_for_final_state": ("timeout",),
        "RuntimeOptions.__init__": (
            "backend",
            "image",
            "log_level",
            "job_tags",
            "max_execution_time",
            "private",
        ),
        "RuntimeOptions.validate": ("channel",),
        "Session.__init__": ("backend", "max_time", "create_new"),
        "Session._run": ("program_id", "inputs", "options", "result_decoder"),
        "api.exceptions.RequestsApiError.__init__": ("message", "status_code"),
        "ibm_backend.IBMRetiredBackend.from_name": ("backend_name",),
        "utils.backend_decoder.configuration_from_server_data": (
            "raw_config",
            "instance",
            "use_fractional_gates",
        ),
    }
)
"""Callables by their place in the package, and the parameters that they must take."""

CALLS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # If a session did not ask our client, it would have no id and say nothing about it.
        "Batch._create_session": ("_get_api_client", "create_session"),
        "Session._create_session": ("_get_api_client", "create_session"),
        "Session.cancel": ("_get_api_client", "cancel_session"),
        "Session.close": ("_get_api_client", "close_session"),
        "Session.details": ("_get_api_client", "session_details"),
    }
)
"""Methods by their place in the package, and what each must call."""


def _import() -> Any:
    try:
        return import_module("qiskit_ibm_runtime")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "qiskit_ibm_runtime":
            raise MissingExtraError("the facade", "qiskit") from error
        raise


def _find(package: Any, place: str) -> Any:
    """Return what stands at a dotted place, importing modules on the way."""
    found = package
    for name in place.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            found = import_module(f"{found.__name__}.{name}")
    return found


def moved(package: Any) -> str | None:
    """Return the first thing that *package* lacks of what the facade needs, or None."""
    for place, parameters in PARAMETERS.items():
        try:
            accepted = inspect.signature(_find(package, place)).parameters
        except (AttributeError, ImportError, TypeError, ValueError):
            return f"{place} is not there"
        for name in parameters:
            if name not in accepted:
                return f"{place} takes no {name!r}"
    for place, names in CALLS.items():
        try:
            code = inspect.unwrap(_find(package, place)).__code__
        except (AttributeError, ImportError):
            return f"{place} is not there"
        for name in names:
            if name not in code.co_names:
                return f"{place} does not call {name}"
    return None


def check(package: Any) -> None:
    """Fail with one sentence if this release has moved something.

    Raises:
        ConfigurationError: It has; the error names the installed version and what is missing.
    """
    what = moved(package)
    if what is None:
        return
    try:
        installed = version(PACKAGE)
    except PackageNotFoundError:
        installed = "(of unknown version)"
    raise ConfigurationError(
        f"{PACKAGE} {installed}",
        f"this swqr cannot drive it, because {what}: install a release from 0.46.1 on that this "
        "swqr was tested with, or a newer swqr",
    )


def accepted_by(function: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *values* that *function* has a parameter for; releases add and drop some."""
    names = parameters(function)
    return {name: value for name, value in values.items() if name in names}


@cache
def parameters(function: Any) -> frozenset[str]:
    """Return the names of what *function* takes."""
    return frozenset(inspect.signature(function).parameters)


def low_level_client() -> Any:
    """Return the official class of HTTP clients, which has moved between releases.

    Raises:
        ConfigurationError: It is not there.
    """
    for place in ("api.client.RuntimeClient", "api.clients.RuntimeClient"):
        try:
            return _find(official, place)
        except ImportError:
            continue
    raise ConfigurationError(
        f"{PACKAGE} {version(PACKAGE)}",
        "this swqr cannot offer StrangeworksRuntimeClient, because RuntimeClient is not there: "
        "use the service, or a newer swqr",
    )


official: Any = _import()
check(official)

Batch: Any = official.Batch
IBMBackend: Any = official.IBMBackend
IBMRetiredBackend: Any = _find(official, "ibm_backend.IBMRetiredBackend")
QiskitRuntimeService: Any = official.QiskitRuntimeService
RequestsApiError: Any = _find(official, "api.exceptions.RequestsApiError")
RuntimeJobV2: Any = official.RuntimeJobV2
RuntimeOptions: Any = official.RuntimeOptions
Session: Any = official.Session
configuration_from_server_data: Any = _find(
    official, "utils.backend_decoder.configuration_from_server_data"
)
exceptions: Any = _find(official, "exceptions")
