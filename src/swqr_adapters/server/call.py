"""One request on its way, with everything that its answer needs."""

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from swqr_adapters.wire.ibm.dialects import API_VERSIONS
from swqr_adapters.wire.ibm.requests import Query
from swqr_core.errors import InvalidInputError
from swqr_core.model.principal import Instance
from swqr_core.ports.transport import RuntimeTransport

from .providers import Account

if TYPE_CHECKING:
    from .service import Service

__all__ = ["Call"]

_MOST_FIELDS = 200
_REFUSED = 1208


class Call:
    """A request that was understood and whose sender is known.

    Attributes:
        request: The request.
        service: Who answers it.
        names: What stands in the path for the names of the route.
        legacy: Whether it came in by the base path of the older interface.
        extended: Whether a client of ours asks.
        version: The API version whose behaviour it gets.
        most_bytes: The largest body that the sender may send; None for any.
        reads: Whether it is known to change nothing.
    """

    __slots__ = (
        "_account", "_instance", "_query", "_transport", "extended", "legacy", "most_bytes",
        "names", "reads", "request", "service", "version",
    )  # fmt: skip

    def __init__(
        self, request: web.BaseRequest, service: "Service", names: tuple[str, ...], *, legacy: bool
    ) -> None:
        self.request = request
        self.service = service
        self.names = names
        self.legacy = legacy
        self.extended = self.reads = False
        self.most_bytes: int | None = None
        self.version = API_VERSIONS[0]
        self._account: Account | None = None
        self._instance: Instance | None = None
        self._transport: RuntimeTransport | None = None
        self._query: Query | None = None

    def bind(self, account: Account, instance: Instance, transport: RuntimeTransport) -> None:
        """Say who asks."""
        self._account, self._instance, self._transport = account, instance, transport

    def bind_account(self, account: Account) -> None:
        """Say who asks where no instance matters."""
        self._account = account

    @property
    def known_account(self) -> Account | None:
        """Who asks; None where nobody was asked for credentials, or they were no good."""
        return self._account

    def sender(self) -> dict[str, Any]:
        """Return who asks, as the audit log tells it."""
        return {
            "user": None if self._account is None else self._account.user,
            "key": None if self._account is None else self._account.key_id,
            "instance": None if self._instance is None else self._instance.id,
        }

    @property
    def account(self) -> Account:
        """Who asks."""
        if self._account is None:
            raise RuntimeError("nobody has been asked for credentials")
        return self._account

    @property
    def instance(self) -> Instance:
        """In which instance."""
        if self._instance is None:
            raise RuntimeError("nobody has been asked for an instance")
        return self._instance

    @property
    def transport(self) -> RuntimeTransport:
        """What does the work, bound to both."""
        if self._transport is None:
            raise RuntimeError("nobody has been asked for an instance")
        return self._transport

    @property
    def query(self) -> Query:
        """The query.

        Raises:
            InvalidInputError: It is not UTF-8, or has absurdly many fields.
        """
        if self._query is None:
            text = self.request.rel_url.raw_query_string
            try:
                pairs = parse_qsl(
                    text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
                )
            except ValueError:
                raise InvalidInputError(
                    "query", f"must be UTF-8, of at most {_MOST_FIELDS} fields", _REFUSED
                ) from None
            self._query = Query(pairs)
        return self._query

    def url(self, path_and_query: str) -> str:
        """Return the absolute URL of another path on this server, as the sender sees it."""
        return f"{self.request.scheme}://{self.request.host}{path_and_query}"
