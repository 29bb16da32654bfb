"""The official service over our runtime, whatever transport that uses."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Self

from attrs import field, frozen

from swqr_adapters.codec.official import encode_params
from swqr_adapters.wire import ibm
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import Job, JobSpec
from swqr_core.runtime.blocking import Runtime

from . import contract
from .catalog import BackendMethods, Catalog
from .client import PortClient
from .connection import Connection
from .errors import IBMInputValueError, IBMRuntimeError, official_errors
from .job import RuntimeJobV2, options_of
from .programs import ProgramMethods
from .queries import find_jobs, job_query

__all__ = ["QiskitRuntimeService"]

CHANNELS: Final = ("ibm_cloud", "ibm_quantum_platform", "local")
DEFAULT_CHANNEL: Final = "ibm_quantum_platform"
HIDDEN: Final = "********"


@frozen
class Account:
    """What the caller said about an account. The API key itself is not kept."""

    channel: str
    url: str | None = None
    verify: bool = True
    private_endpoint: bool = False
    proxies: Any = field(default=None, repr=False)
    has_token: bool = False


class QiskitRuntimeService(BackendMethods, ProgramMethods, contract.QiskitRuntimeService):
    """The official service's methods over any transport of this library.

    It takes every keyword of the official constructor, so that a program need not change, and
    contacts nobody: the keywords that only concern IBM's servers have no effect. The API key is
    neither used nor kept. Two keywords of its own say where the work goes.

    Services of one process that mean the same transport and the same instance share one runtime,
    so they see the same jobs and sessions. It is closed when the last of them is closed
    (``close()`` or the end of a ``with`` block), and at the latest when the interpreter ends.

    Args:
        channel: ``ibm_quantum_platform`` (the default), ``ibm_cloud`` or ``local``; only a name.
        token: Ignored.
        url: Kept for ``active_account()``.
        filename: Ignored, as is *name*: no saved account is read.
        name: See *filename*.
        instance: The CRN or the name of the instance; None or ``auto`` for the transport's own.
            It goes to the transport as its setting ``instance``; the in-memory cloud takes any
            text for one, so that a program written for IBM runs unchanged.
        proxies: Ignored.
        verify: Kept for ``active_account()``.
        private_endpoint: Kept for ``active_account()``.
        url_resolver: Ignored.
        region: Ignored, as are *plans_preference* and *tags*: a transport has one instance.
        plans_preference: See *region*.
        tags: See *region*.
        transport: A profile's name, or the URL of a transport, for example
            ``memory://?seed=7&noise=on``; the active profile if neither this nor *runtime* is
            given.
        runtime: A runtime that the caller made, and closes, instead.

    Raises:
        ValueError: *channel* is none of the three.
        IBMInputValueError: Both *transport* and *runtime* are given, or *runtime* is no runtime.
        ConfigurationError: There is no such profile or transport, or a setting of it cannot be
            used.
    """

    is_local = False

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make this class: the official one makes another for the channel ``local``."""
        return object.__new__(cls)

    def __init__(  # noqa: PLR0917 - the official signature
        self,
        channel: str | None = None,
        token: str | None = None,
        url: str | None = None,
        filename: str | None = None,  # noqa: ARG002 - see above, as for the following
        name: str | None = None,  # noqa: ARG002
        instance: str | None = None,
        proxies: dict[str, Any] | None = None,
        verify: bool | None = None,
        private_endpoint: bool | None = None,
        url_resolver: Callable[..., str] | None = None,  # noqa: ARG002
        region: str | None = None,  # noqa: ARG002
        plans_preference: list[str] | None = None,  # noqa: ARG002
        tags: list[str] | None = None,  # noqa: ARG002
        *,
        transport: str | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        # Not the official constructor: that one authenticates over HTTP.
        if channel is not None and channel not in CHANNELS:
            hint = "; a URL goes to transport=" if "://" in str(channel) else ""
            known = ", ".join(map(repr, CHANNELS))
            msg = f"'channel' can only be one of {known}, not {channel!r}{hint}"
            raise ValueError(msg)
        if transport is not None and runtime is not None:
            msg = "transport, runtime: give one of them, not both"
            raise IBMInputValueError(msg, 400)
        _check_runtime(runtime)
        instance = None if instance == "auto" else instance
        bound = {} if instance is None else {"instance": instance}
        connection = Connection.shared(transport, bound) if runtime is None else Connection(runtime)
        account = Account(
            channel=channel or DEFAULT_CHANNEL,
            url=url,
            verify=verify is not False,
            private_endpoint=bool(private_endpoint),
            proxies=proxies,
            has_token=token is not None,
        )
        self._begin(connection, account, instance)

    def _begin(self, connection: Connection, account: Account, instance: str | None) -> None:
        """Take up the work over a connection, which is given back if *instance* is not its own."""
        self._open = True
        self._connection = connection
        self._account = account
        self._client = PortClient(connection)
        self._catalog = Catalog(self._client, self)
        try:
            self._check_instance(instance)
        except IBMInputValueError:
            self.close()
            raise

    # --- what official objects call ------------------------------------------------------------

    def _get_api_client(self, instance: str | None = None) -> PortClient:
        self._check_instance(instance)
        return self._client

    def _get_api_clients(self) -> dict[str, PortClient]:
        return {self._client.instance: self._client}

    @property
    def _active_api_client(self) -> PortClient:
        return self._client

    @_active_api_client.setter
    def _active_api_client(self, client: PortClient) -> None:
        """Ignore it: there is one, and official code sets what it got from here."""

    def _run(  # noqa: PLR0917 - the official signature
        self,
        program_id: str,
        inputs: dict[str, Any],
        options: Any = None,
        result_decoder: Any = None,
        session_id: str | None = None,
        start_session: bool | None = False,  # noqa: ARG002 - no release asks for it any more
        calibration_id: str | None = None,
        dry_run: bool = False,
        **_: Any,
    ) -> RuntimeJobV2:
        """Submit a job: one call of the transport, whatever the mode."""
        if not isinstance(options, contract.RuntimeOptions):
            options = _runtime_options(options)
        options.validate(channel=self.channel)
        backend = options.backend
        if isinstance(backend, str):
            backend = self.backend(backend)
        if backend is None:
            msg = "backend: none was given; pass one in the options"
            raise IBMInputValueError(msg, 400)
        self._check_owner(backend)
        if dry_run:
            backend = self._catalog.mock_of(backend)
        with official_errors():
            spec = JobSpec(
                program_id=ProgramId(program_id),
                backend=BackendName(backend.name),
                session_id=None if session_id is None else SessionId(session_id),
                tags=options.job_tags or (),
                max_execution_time=options.max_execution_time,
                log_level=options.log_level or "warning",
                private=bool(options.private),
                image=options.image or None,
                calibration_id=calibration_id,
            )
            handle = self._client.runtime.submit(spec, encode_params(program_id, inputs))
        version = (inputs or {}).get("version", 1)
        return self._job(handle.snapshot, backend, result_decoder, version)

    def _job(
        self,
        job: Job,
        backend: Any = None,
        result_decoder: Any = None,
        version: int | None = None,
    ) -> RuntimeJobV2:
        """Return the object for a job; its backend is looked up unless it is given."""
        return RuntimeJobV2(
            self._client,
            job,
            backend=self._catalog.of_job(job) if backend is None else backend,
            service=self,
            result_decoder=result_decoder,
            version=version,
        )

    def _check_owner(self, backend: Any) -> None:
        """Refuse a backend of another cloud, whose name might mean something else here."""
        owner = getattr(backend, "service", None)
        if owner is self:
            return
        client = None if owner is None else owner._get_api_client()  # noqa: SLF001 - the seam
        if getattr(client, "runtime", None) is not self._client.runtime:
            msg = (
                f"backend {backend.name!r} does not belong to this service: get it from "
                "service.backend()"
            )
            raise IBMRuntimeError(msg)

    # --- jobs ----------------------------------------------------------------------------------

    def job(self, job_id: str) -> RuntimeJobV2:
        """Return one job.

        Raises:
            RuntimeJobNotFound: There is none of that id.
        """
        with official_errors():
            return self._job(self._client.runtime.job(job_id))

    def jobs(  # noqa: PLR0917 - the official signature
        self,
        limit: int | None = 10,
        skip: int = 0,
        backend_name: str | None = None,
        pending: bool | None = None,
        program_id: str | None = None,
        instance: str | None = None,
        job_tags: Any = None,
        session_id: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        descending: bool = True,
        include_mocks: bool = False,
    ) -> list[RuntimeJobV2]:
        """Return the jobs that meet every condition that is given.

        Args:
            limit: The most jobs to return; None or 0 for all.
            skip: How many to leave out at the start.
            backend_name: On that backend.
            pending: Only those that are queued or running, or only those that have ended.
            program_id: Of that program.
            instance: The CRN or name of the instance; only the service's own is possible.
            job_tags: With all of these tags.
            session_id: In that session or batch.
            created_after: Submitted then or later; local time unless the value has a time zone.
            created_before: Submitted then or earlier; likewise.
            descending: Newest first.
            include_mocks: Whether dry runs are among them.

        Raises:
            IBMInputValueError: A condition cannot be.
        """
        self._check_instance(instance)
        query = job_query(
            limit=limit,
            skip=skip,
            backend_name=backend_name,
            pending=pending,
            program_id=program_id,
            job_tags=job_tags,
            session_id=session_id,
            created_after=created_after,
            created_before=created_before,
            descending=descending,
        )
        with official_errors():
            found = find_jobs(
                self.runtime, query, limit=limit, skip=skip, include_mocks=include_mocks
            )
            return [self._job(job) for job in found]

    def delete_job(self, job_id: str) -> None:
        """Remove a job that has ended, with its parameters, result and logs.

        Raises:
            RuntimeJobNotFound: There is none of that id.
            RuntimeInvalidStateError: It is queued or running.
        """
        with official_errors():
            self._client.runtime.delete_job(job_id)

    # --- the account ---------------------------------------------------------------------------

    def usage(self) -> dict[str, Any]:
        """Return what the instance has used, in seconds, and what remains if there is a limit."""
        with official_errors():
            document = ibm.usage_document(self._client.runtime.usage())
        ceiling = document.get("usage_limit_seconds", document.get("usage_allocation_seconds"))
        if ceiling:
            left = ceiling - document["usage_consumed_seconds"]
            document["usage_remaining_seconds"] = max(left, 0)
        return document

    def instances(self) -> list[dict[str, Any]]:
        """Return the instances within reach: ``crn``, ``plan``, ``name`` and more of each."""
        with official_errors():
            return [ibm.instance_document(one) for one in self._client.runtime.instances()]

    def active_instance(self) -> str:
        """Return the CRN of the instance."""
        return self._client.instance

    def active_account(self) -> dict[str, Any]:
        """Return what the service was made with; the API key is not shown, and not kept."""
        account = self._account
        shown = {
            "channel": account.channel,
            "url": account.url,
            "token": HIDDEN if account.has_token else None,
            "instance": self._client.instance,
            "verify": account.verify,
            "private_endpoint": account.private_endpoint,
        }
        return {key: value for key, value in shown.items() if value is not None}

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self._account.channel

    # These three manage the official client's own file of accounts, which this service never
    # reads; programs that save an account go on to do so.
    delete_account = staticmethod(contract.QiskitRuntimeService.delete_account)
    save_account = staticmethod(contract.QiskitRuntimeService.save_account)
    saved_accounts = staticmethod(contract.QiskitRuntimeService.saved_accounts)

    def _check_instance(self, instance: str | None) -> None:
        """Refuse an instance that the transport is not bound to."""
        if instance is None or instance == self._client.instance:
            return
        names = [one["name"] for one in self.instances() if one["crn"] == self._client.instance]
        if instance not in names:
            msg = (
                f"instance {instance!r} is not the one of this service, which is "
                f"{self._client.instance!r}: make a service whose transport is bound to it"
            )
            raise IBMInputValueError(msg, 404)

    # --- the object itself ---------------------------------------------------------------------

    @property
    def runtime(self) -> Runtime:
        """The runtime underneath, for what the official classes do not offer."""
        return self._client.runtime

    def close(self) -> None:
        """Give the runtime back; see the class. Closing twice is fine."""
        if self._open:
            self._open = False
            self._connection.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, memo: object) -> Self:
        return self  # backends hold it, and a copied backend belongs to the same service

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._client.runtime.capabilities.transport!r}>"

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other  # the official method compares what is not here


def _check_runtime(runtime: object) -> None:
    if not isinstance(runtime, Runtime | None):
        msg = f"runtime: must be a swqr_core.Runtime, not {type(runtime).__name__}"
        raise IBMInputValueError(f"{msg}; a profile or a URL goes to transport=", 400)


def _runtime_options(options: Any) -> Any:
    """Return the official object for options that are a dictionary or None."""
    options = options_of(options)
    try:
        return contract.RuntimeOptions(**options)
    except TypeError as error:
        known = contract.parameters(contract.RuntimeOptions)
        strange = ", ".join(repr(name) for name in options if name not in known)
        msg = f"options: there is no {strange}; possible are {', '.join(sorted(known))}"
        raise IBMInputValueError(msg, 400) from error
