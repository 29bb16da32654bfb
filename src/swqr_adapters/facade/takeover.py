"""Lets programs that import the official packages run over our transports without an edit.

``take_over()`` makes ``qiskit_ibm_runtime.QiskitRuntimeService`` and the sessions beside it ours,
when that package is imported or at once if it was, and gives ``strangeworks_qiskit_runtime`` the
documented classes. The work goes where the active profile says. Python processes that are started
then are taken over, too: the first folder of their ``PYTHONPATH`` holds a ``sitecustomize``.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from swqr_core.config.connect import active_profile

__all__ = ["take_over"]

OFFICIAL: Final = "qiskit_ibm_runtime"
STRANGEWORKS: Final = "strangeworks_qiskit_runtime"
_CHILDREN: Final = str(Path(__file__).with_name("children"))
_CHOOSES_INSTANCES: Final = ("ibm", "memory")


def take_over() -> None:
    """Put our classes in the place of the official ones. Doing so again changes nothing."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    paths = os.environ.get("PYTHONPATH", "")
    if _CHILDREN not in paths.split(os.pathsep):
        os.environ["PYTHONPATH"] = f"{_CHILDREN}{os.pathsep}{paths}" if paths else _CHILDREN
    if OFFICIAL in sys.modules:
        _replace(sys.modules[OFFICIAL])


class _Finder(MetaPathFinder):
    """Stands before all others, for two packages."""

    def __init__(self) -> None:
        self._looking = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return a spec for the official package, or for one of those that ours stand in for."""
        if fullname.partition(".")[0] == STRANGEWORKS:
            return spec_from_loader(fullname, _Alias(), is_package=fullname == STRANGEWORKS)
        if fullname != OFFICIAL or self._looking:
            return None
        self._looking = True
        try:
            spec = find_spec(fullname)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _AndThen(spec.loader)
        return spec


class _AndThen(Loader):
    """Loads the official package as it is, and replaces what is ours once it is whole."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Do what the real loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Do what the real loader does, and then replace what is ours."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _replace(module)


class _Alias(Loader):
    """Loads a module that passes everything on to ours of the same name."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Have an ordinary module made."""

    def exec_module(self, module: ModuleType) -> None:
        """Pass on what is asked of it."""
        name = module.__name__.removeprefix(STRANGEWORKS)
        ours = import_module(f"swqr_adapters.facade.strangeworks{name}")
        public = list(ours.__all__)
        module.__dict__["__all__"] = public
        module.__dict__["__getattr__"] = lambda attribute: getattr(ours, attribute)
        module.__dict__["__dir__"] = lambda: public


def _replace(package: Any) -> None:
    from . import _OURS  # these modules take the official classes first
    from .service import QiskitRuntimeService as Service

    if isinstance(package.QiskitRuntimeService, type) and issubclass(
        package.QiskitRuntimeService, Service
    ):
        return
    ours = {
        name: getattr(import_module(f"swqr_adapters.facade{m}"), a)
        for name, (m, a) in _OURS.items()
    }
    taken = _service(Service)
    for name, value in ours.items():
        if hasattr(package, name):
            setattr(package, name, taken if value is Service else value)
    home: Any = sys.modules.get(f"{OFFICIAL}.qiskit_runtime_service")
    if home is not None:
        home.QiskitRuntimeService = taken


def _service(service: Any) -> Any:
    """Return our service for programs that know nothing of it.

    They may name an instance of the platform that they were written for. It counts where it can
    mean something: on IBM, unless the profile says which, and in memory, where any name will do.
    """

    class QiskitRuntimeService(service):
        __doc__ = service.__doc__

        def __init__(  # noqa: PLR0917 - the official signature
            self,
            channel: str | None = None,
            token: str | None = None,
            url: str | None = None,
            filename: str | None = None,
            name: str | None = None,
            instance: str | None = None,
            *args: Any,
            **kwargs: Any,
        ) -> None:
            if kwargs.get("runtime") is None:
                profile = active_profile(kwargs.get("transport"))
                chosen = "instance" in profile.settings or profile.location
                if chosen or profile.transport.value not in _CHOOSES_INSTANCES:
                    instance = None
            super().__init__(channel, token, url, filename, name, instance, *args, **kwargs)

    QiskitRuntimeService.__qualname__ = "QiskitRuntimeService"
    return QiskitRuntimeService
