"""Where IBM's services are: addresses made from an account's URL and an instance's CRN."""

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from attrs import frozen

from swqr_adapters.wire.ibm import region_of
from swqr_core.errors import ConfigurationError

__all__ = ["DEFAULT_URL", "Addresses", "addresses"]

DEFAULT_URL: Final = "https://cloud.ibm.com"
_HOME_REGION: Final = "us-east"
_VERBATIM: Final = "experimental"


@frozen(kw_only=True)
class Addresses:
    """The base URLs of an account's services, without a slash at the end.

    Attributes:
        api: Quantum compute, up to and with ``/api/v1``.
        iam: Identity and access management: ``/identity/token`` follows.
        search: Global Search: ``/v3/resources/search`` follows.
        catalog: Global Catalog: ``/api/v1/{plan}`` follows.
        controller: Resource Controller: ``/v2/resource_instances`` follows.
    """

    api: str
    iam: str
    search: str
    catalog: str
    controller: str


def addresses(
    url: str = DEFAULT_URL,
    crn: str = "",
    *,
    private: bool = False,
    iam_url: str | None = None,
    services_url: str | None = None,
) -> Addresses:
    """Return where an account's services are.

    A URL that is a mere host, such as ``https://cloud.ibm.com``, stands for the services under
    it: ``[REGION.]quantum.HOST/api/v1``, ``iam.HOST`` and so on. A URL with a path or a port, of
    an IP address, of ``localhost``, or with the word ``experimental`` in it is the address of
    quantum compute itself, and the other services are looked for at the same origin.

    Args:
        url: The account's URL.
        crn: The instance, for its region.
        private: Whether to use the private endpoints.
        iam_url: Where IAM is instead.
        services_url: Where search, catalogue and resource controller are instead.

    Raises:
        ConfigurationError: A URL is none.
    """
    parts = urlsplit(_checked("url", url))
    host, scheme = parts.hostname or "", parts.scheme
    if _is_address(url):
        origin = urlunsplit((scheme, parts.netloc, "", "", ""))
        found = Addresses(
            api=url.rstrip("/"), iam=origin, search=origin, catalog=origin, controller=origin
        )
    else:
        region = region_of(crn) or _HOME_REGION
        inside = "private." if private else ""
        prefix = f"{inside}{region}." if private or region != _HOME_REGION else ""
        found = Addresses(
            api=f"{scheme}://{prefix}quantum.{host}/api/v1",
            iam=f"{scheme}://{inside}iam.{_iam_host(host, crn)}",
            search=f"{scheme}://api.global-search-tagging.{host}",
            catalog=f"{scheme}://globalcatalog.{host}",
            controller=f"{scheme}://resource-controller.{host}",
        )
    services = None if services_url is None else _base("services_url", services_url)
    return Addresses(
        api=found.api,
        iam=found.iam if iam_url is None else _iam_base(iam_url),
        search=services or found.search,
        catalog=services or found.catalog,
        controller=services or found.controller,
    )


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port is not None or parts.path.strip("/") or _VERBATIM in url:
        return True
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _iam_host(host: str, crn: str) -> str:
    staging = crn.split(":")[2:3] == ["staging"]
    return "test.cloud.ibm.com" if staging and host == "cloud.ibm.com" else host


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError("ibm transport", f"{name} cannot be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            "ibm transport", f"{name} must be like {DEFAULT_URL!r}: http(s) and a host"
        )
    if parts.username or parts.password:
        raise ConfigurationError("ibm transport", f"{name} must not contain credentials")
    return url


def _base(name: str, url: str) -> str:
    return _checked(name, url).rstrip("/")


def _iam_base(url: str) -> str:
    return _base("iam_url", url).removesuffix("/identity/token")
