"""Whom an https server must prove to be."""

import ssl
from functools import cache

from swqr_core.errors import ConfigurationError

__all__ = ["ssl_context"]


@cache
def ssl_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return the one context for these certificates; making one costs some 30 ms.

    Args:
        ca_file: Trusted certificates in PEM form, instead of the system's.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError("ca_file", f"cannot read {ca_file!r}: {error}") from error
