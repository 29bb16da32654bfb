"""Is imported by every Python process that a program under ``swqr exec`` starts, as it starts.

It takes over what ``swqr_adapters.facade.takeover`` does, at the moment when one of the packages is
imported: a process that imports neither pays next to nothing. Then it steps aside for the
``sitecustomize`` that would have been imported without it.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs a start
_PACKAGES = ("qiskit_ibm_runtime", "strangeworks_qiskit_runtime")
_RECORD = "SWQR_RECORD_FILE"


class _Waiting:
    """Stands before all finders until one of the packages is looked for."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> object:  # noqa: ARG002
        if fullname not in _PACKAGES:
            return None
        try:
            from swqr_adapters.facade.takeover import take_over
        except ImportError as error:
            from importlib.machinery import PathFinder

            if PathFinder.find_spec(fullname) is None:  # there is nothing to keep from anybody
                return None
            problem = (
                f"this process was started under 'swqr exec', and {sys.executable} has no swqr to "
                f"keep {fullname} from the real service: install it there, or start the process "
                "without the variable PYTHONPATH"
            )
            raise ImportError(problem, name=fullname) from error
        from importlib.util import find_spec

        sys.meta_path.remove(self)  # type: ignore[arg-type]
        take_over()
        return find_spec(fullname)


def _step_aside() -> None:
    """Import the ``sitecustomize`` that this one stands before, if there is one."""
    sys.path[:] = [one for one in sys.path if os.path.abspath(one) != _HERE]  # noqa: PTH100
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, _Waiting())  # type: ignore[arg-type]
    if os.environ.get(_RECORD):  # two processes must not write one recording
        stem, suffix = os.path.splitext(os.environ[_RECORD])  # noqa: PTH122
        os.environ[_RECORD] = f"{stem}-{os.getpid()}{suffix}"
    _step_aside()
