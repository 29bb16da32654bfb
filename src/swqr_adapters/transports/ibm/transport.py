"""IBM's platform, or a server that speaks like it, as the ``RuntimeTransport`` port."""

from collections.abc import Sequence
from typing import Final

from attrs import evolve

from swqr_adapters.remote.looks import ByTime
from swqr_adapters.remote.polling import PollingPolicy
from swqr_adapters.remote.submission import SettlePolicy
from swqr_adapters.remote.tags import USER_TAGS
from swqr_adapters.wire.ibm import Versions, load, parse_usage
from swqr_core.errors import InstanceNotFoundError
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.clock import Clock

from .api import Api
from .backends import BackendCalls
from .discovery import Discovery
from .jobs import JobCalls
from .programs import ProgramCalls
from .refusals import NAME
from .submission import IbmDesk

__all__ = ["IbmTransport", "capabilities_of"]

_IBM: Final = Capabilities(
    transport=NAME,
    custom_ttls=False,
    idempotent_submit=False,
    idempotent_open=False,
    user_tags=USER_TAGS,
    programs=False,
    find_by_key=True,
    event_wait=False,
)


def capabilities_of(versions: Versions) -> Capabilities:
    """Return what a server can do, by what its ``GET /versions`` tells.

    One that tells nothing is IBM's own, which has no programs of users any more.
    """
    if not versions.idempotency and not versions.ours:
        return _IBM
    told = {"idempotent_open": versions.idempotency, **versions.capabilities}
    told |= {
        "idempotent_submit": versions.idempotency,
        "programs": versions.ours and bool(told.get("programs", False)),
        "lasting": True,  # the server outlives its clients
        "event_wait": False,
        "custom_ttls": bool(told.get("custom_ttls", False)),
        "user_tags": told.get("user_tags", 8) - (not versions.idempotency),
    }
    return evolve(_IBM, **told)


class IbmTransport(BackendCalls, JobCalls, ProgramCalls):
    """One instance of IBM's platform; see ``RuntimeTransport`` for what its methods promise.

    * A job's parameters and result pass through as the bytes that they are.
    * A submission is posted once where keys are unknown; see ``Submitter``. An opening that is
      not answered may have happened, and is not repeated.
    * Where the platform does not tell when a job ran, ``job`` and ``wait_job`` ask for its
      metrics too; ``jobs`` does not.

    Args:
        api: The interface; the transport closes it.
        principal: Whom it acts for.
        capabilities: What the server can do.
        ours: Whether it is a server of ours, which tells more than IBM.
        discovery: Finds the account's instances; None if only the bound one is told.
        instances: Instances that are known already.
        polling: How often to look at jobs that are waited for.
        settle: How long to look for a job whose submission was not answered.
        pause_clock: For the pauses between looks, if it is not the clock of *api*.
    """

    def __init__(  # noqa: PLR0913 - the parts of a transport
        self,
        api: Api,
        *,
        principal: Principal,
        capabilities: Capabilities = _IBM,
        ours: bool = False,
        discovery: Discovery | None = None,
        instances: Sequence[Instance] = (),
        polling: PollingPolicy | None = None,
        settle: SettlePolicy | None = None,
        pause_clock: Clock | None = None,
    ) -> None:
        super().__init__(api, principal=principal, capabilities=capabilities, ours=ours)
        self._discovery = discovery
        self._instances = tuple(instances)
        desk = IbmDesk(api, keys=capabilities.idempotent_submit, tags=self._tags)
        self._begin(desk, ByTime(self), polling=polling, settle=settle, pause_clock=pause_clock)

    def __repr__(self) -> str:
        return f"<IbmTransport of {self._principal.instance!r} at {self._api.url}>"

    # --- account -------------------------------------------------------------------------------

    async def instances(self) -> tuple[Instance, ...]:
        """Return the instances of the account, the bound one among them."""
        self._api.check()
        found = self._instances
        if self._discovery is not None and not found:
            found = self._instances = await self._discovery.instances()
        bound = self._principal.instance
        if any(instance.id == bound for instance in found):
            return found
        if self._discovery is not None and found:
            raise InstanceNotFoundError(bound, [instance.id for instance in found])
        return (Instance(id=bound, name=bound), *found)

    async def usage(self) -> InstanceUsage:
        """Return what the instance has used."""
        self._need("usage", "usage")
        response = await self._api.call(
            "GET", "/instances/usage", self._errand("read the instance's usage")
        )
        return parse_usage(load(response.body, "instance usage"))
