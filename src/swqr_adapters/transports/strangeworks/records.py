"""Jobs and resources as the SDK's own typed records, for code that is written for them.

The transport itself is made of the records of ``wire.strangeworks``, which take words and fields
that nobody knew when the SDK was released. Here they become the SDK's, when somebody asks.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from swqr_adapters.wire.strangeworks import (
    JobRecord,
    Resource,
    job_node,
    resource_node,
)
from swqr_core.errors import ProtocolError

from .configuration import using_sdk
from .reading import JobReading
from .refusals import NAME

if TYPE_CHECKING:
    from strangeworks.core.client.jobs import Job as SdkJob
    from strangeworks_core.types.resource import Resource as SdkResource

__all__ = ["SdkRecords", "as_sdk_job", "as_sdk_resource"]

_PART: Final = "records of the Strangeworks SDK"


class SdkRecords(JobReading):
    """What the functions of the SDK take and return. The SDK is loaded at the first call."""

    async def sdk_resource(self) -> "SdkResource":
        """Return the resource on which everything is done, as the SDK lists it.

        Raises:
            MissingExtraError: The SDK is not installed.
        """
        self._api.check()
        return await asyncio.to_thread(as_sdk_resource, self._resource)

    async def sdk_job(self, job_id: str) -> "SdkJob":
        """Return a job as the SDK lists it, with its files and its tags.

        A status that the SDK does not know is None, and stands in ``remote_status`` unless that is
        told.

        Raises:
            JobNotFoundError: There is none of that id here.
            ProtocolError: A field is nothing that the SDK can hold.
            MissingExtraError: The SDK is not installed.
        """
        self._api.check()
        record, _ = await self._record(job_id)
        tags = self._tags.users(record.tags)
        return await asyncio.to_thread(as_sdk_job, record, tags)


def as_sdk_resource(resource: Resource) -> "SdkResource":
    """Return a resource; see ``SdkRecords.sdk_resource``. Loading the SDK blocks."""
    with using_sdk(_PART):
        from strangeworks_core.types.resource import Resource as SdkResource

    return _made(SdkResource, resource_node(resource), f"resource {resource.slug!r}")


def as_sdk_job(record: JobRecord, tags: tuple[str, ...]) -> "SdkJob":
    """Return a job with these tags; see ``SdkRecords.sdk_job``. Loading the SDK blocks."""
    with using_sdk(_PART):
        from strangeworks.core.client.jobs import Job as SdkJob
        from strangeworks_core.types.job import Status
    words = frozenset(Status.__members__)
    node = {
        **_readable(job_node(record), words),
        "tags": list(tags),
        "childJobs": [_readable(child, words) for child in record.children],
    }
    return _made(SdkJob, node, f"job {record.slug!r}")


def _readable(node: Mapping[str, Any], words: frozenset[str]) -> dict[str, Any]:
    """Return a job's node without what the SDK refuses: tags in their nests, and other words."""
    plain = {**node, "tags": None}
    status = str(node.get("status")).upper()
    if status in words:
        return {**plain, "status": status}
    said = {"remoteStatus": node.get("status"), "isTerminalState": False}
    told = {name: value for name, value in plain.items() if value is not None}
    return {**plain, **said, **told, "status": None}


def _made(kind: Any, node: Mapping[str, Any], name: str) -> Any:
    try:
        return kind.from_dict(node)
    except (AttributeError, TypeError, ValueError) as error:
        # Its message would show the document's values.
        kind_of_error = type(error).__name__
        raise ProtocolError(
            NAME, f"{name} cannot be a record of the SDK: {kind_of_error}"
        ) from None
