"""Which proxies there may be; what is wrong with one is told without its password."""

from collections.abc import Collection
from urllib.parse import urlsplit

from swqr_core.errors import ConfigurationError

__all__ = ["check_proxy"]


def check_proxy(proxy: str, schemes: Collection[str]) -> str:
    """Return the URL of a proxy if it can be one.

    Args:
        proxy: The URL, perhaps with credentials.
        schemes: What it may begin with.

    Raises:
        ConfigurationError: It cannot.
    """
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        words = " or ".join(sorted(schemes))
        raise ConfigurationError("proxy", f"must be a URL such as http://HOST:PORT ({words})")
    return proxy
