"""Running official classes in a command: quietly, and with errors of our own kinds."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click

from swqr_core.errors import MissingExtraError, SwqrError

__all__ = ["official_classes"]


@contextmanager
def official_classes(feature: str) -> Iterator[None]:
    """Check that Qiskit is there, and turn its errors into ours.

    Args:
        feature: What needs it, for messages.

    Raises:
        MissingExtraError: It is not installed.
        SwqrError: The one that an official error stands for.
        click.ClickException: An error of Qiskit's own.
    """
    try:
        import qiskit.exceptions
        import qiskit_aer  # noqa: F401
        import qiskit_ibm_runtime  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(feature, "qiskit") from error
    try:
        with warnings.catch_warnings():
            # The official primitives are in every supported release; the newest call them old.
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except qiskit.exceptions.QiskitError as error:
        if isinstance(error.__cause__, SwqrError):
            raise error.__cause__ from None
        raise click.ClickException(str(error.message)) from error
