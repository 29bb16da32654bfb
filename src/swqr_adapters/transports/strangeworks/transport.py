"""The Strangeworks platform, or a server that speaks like it, as the ``RuntimeTransport`` port."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import evolve

from swqr_adapters.remote.looks import ByPage
from swqr_adapters.remote.polling import PollingPolicy
from swqr_adapters.remote.submission import SettlePolicy
from swqr_adapters.remote.tags import USER_TAGS
from swqr_adapters.wire.ibm.extension import parse_capabilities
from swqr_adapters.wire.strangeworks import Resource, Workspace
from swqr_adapters.wire.values import Document
from swqr_core.errors import UnsupportedOperation
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Instance
from swqr_core.model.usage import InstanceUsage
from swqr_core.ports.clock import Clock

from .api import Api
from .backends import BackendCalls
from .jobs import JobCalls
from .programs import NoPrograms
from .records import SdkRecords
from .refusals import NAME
from .resources import as_instances
from .submission import StrangeworksDesk

__all__ = ["StrangeworksTransport", "capabilities_of"]

_PLATFORM: Final = Capabilities(
    transport=NAME,
    session_listing=False,
    cancel_sessions=False,
    find_by_key=True,
    custom_ttls=False,
    idempotent_submit=False,
    idempotent_open=False,
    user_tags=USER_TAGS,
    remove_tags=False,
    run_times=False,
    queue_lengths=False,
    delete_jobs=False,
    private_jobs=False,
    logs=False,
    metrics=False,
    usage=False,
    calibrations=False,
    programs=False,
    event_wait=False,
)


def capabilities_of(told: Document) -> Capabilities:
    """Return what a server can do, by what it tells of itself.

    One that tells nothing is the platform. What is asked for here has no words for the rest.
    """
    if not told:
        return _PLATFORM
    behind = parse_capabilities(told)
    passed = (
        "batches", "cancel_sessions", "custom_ttls", "dedicated_sessions", "idempotent_open",
        "idempotent_submit", "interim_results", "logs", "max_params_bytes", "max_result_bytes",
        "queue_lengths", "run_times", "tags", "time_limits",
    )  # fmt: skip
    # Behind a gateway may be a platform that knows no keys. There one tag carries ours.
    keys = behind.get("idempotent_submit", _PLATFORM.idempotent_submit)
    return evolve(
        _PLATFORM,
        user_tags=behind.get("user_tags", 8) - (not keys),
        find_by_key=not keys or behind.get("find_by_key", False),
        **{name: behind[name] for name in passed if name in behind},
    )


class StrangeworksTransport(BackendCalls, NoPrograms, JobCalls, SdkRecords):
    """One resource of the platform; see ``RuntimeTransport`` for what its methods promise.

    * A job's parameters and result pass through as the bytes that they are.
    * A submission is posted once where keys are unknown; see ``Submitter``. An opening that is
      not answered may have happened, and is not repeated.
    * Beyond the port there are ``files``, ``file``, ``upload_file`` and ``add_tags``, and the
      SDK's records of the resource and of jobs: ``sdk_resource`` and ``sdk_job``.

    Args:
        api: The platform, bound to the resource; the transport closes it.
        resources: All resources of the workspace.
        polling: How often to look at jobs that are waited for.
        settle: How long to look for a job whose submission was not answered.
        pause_clock: For the pauses between looks, if it is not the clock of *api*.
        bound: ``principal``, ``workspace``, ``resource``, ``capabilities`` and ``ours``; see
            ``ResourceBound``.
    """

    def __init__(
        self,
        api: Api,
        *,
        resources: Sequence[Resource] = (),
        polling: PollingPolicy | None = None,
        settle: SettlePolicy | None = None,
        pause_clock: Clock | None = None,
        **bound: Any,
    ) -> None:
        super().__init__(api, **bound)
        self._instances = as_instances(resources)
        desk = StrangeworksDesk(
            api,
            self,
            channel=self._channel,
            keys=self._capabilities.idempotent_submit,
            tags=self._tags,
        )
        self._begin(desk, ByPage(self), polling=polling, settle=settle, pause_clock=pause_clock)

    def __repr__(self) -> str:
        return f"<StrangeworksTransport of {self._resource.slug!r} at {self._api.url}>"

    @property
    def workspace(self) -> Workspace:
        """The workspace of the API key."""
        return self._workspace

    @property
    def resource(self) -> Resource:
        """The resource on which everything is done."""
        return self._resource

    # --- the account ----------------------------------------------------------------------------

    async def instances(self) -> tuple[Instance, ...]:
        """Return the resources of the workspace that take jobs, the bound one among them."""
        self._api.check()
        return self._instances

    async def usage(self) -> InstanceUsage:
        """Not there: the platform tells nobody's usage."""
        self._need("usage", "usage")
        raise UnsupportedOperation(NAME, "usage")
