"""The JSON documents of IBM's REST interface, both directions: the client parses what is written.

The names are those of the interface's newest version; figures that older clients read under other
names stand there as well. Unknown fields that a model kept in ``extra`` come back first, so that
what is known wins. What the documents cannot say goes into one further member, and only for
clients of ours: see ``swqr_adapters.wire.ibm.extension``.
"""

from .account import (
    FoundInstance,
    Token,
    instance_document,
    parse_catalog,
    parse_resources,
    parse_search,
    parse_token,
    parse_usage,
    region_of,
    search_request,
    usage_document,
)
from .backends import (
    backend_document,
    backend_listing,
    backend_status_document,
    parse_backend,
    parse_backend_listing,
    parse_backend_status,
)
from .errors import Refusal, parse_refusal
from .jobs import (
    JOB_STATUSES,
    RAN_TOO_LONG,
    JobPage,
    job_document,
    job_page_document,
    job_query,
    job_submission,
    parse_job,
    parse_job_page,
    parse_submitted,
    unknown_status,
)
from .metrics import metrics_document, parse_metrics
from .sessions import SESSION_STATES, parse_session, session_document, session_opening
from .values import load, parse_time, timestamp
from .versions import Versions, parse_versions, versions_member
from .workloads import (
    Workload,
    WorkloadPage,
    job_workload,
    parse_workload_page,
    session_workload,
    workload_page_document,
)

__all__ = [
    "JOB_STATUSES",
    "RAN_TOO_LONG",
    "SESSION_STATES",
    "FoundInstance",
    "JobPage",
    "Refusal",
    "Token",
    "Versions",
    "Workload",
    "WorkloadPage",
    "backend_document",
    "backend_listing",
    "backend_status_document",
    "instance_document",
    "job_document",
    "job_page_document",
    "job_query",
    "job_submission",
    "job_workload",
    "load",
    "metrics_document",
    "parse_backend",
    "parse_backend_listing",
    "parse_backend_status",
    "parse_catalog",
    "parse_job",
    "parse_job_page",
    "parse_metrics",
    "parse_refusal",
    "parse_resources",
    "parse_search",
    "parse_session",
    "parse_submitted",
    "parse_time",
    "parse_token",
    "parse_usage",
    "parse_versions",
    "parse_workload_page",
    "region_of",
    "search_request",
    "session_document",
    "session_opening",
    "session_workload",
    "timestamp",
    "unknown_status",
    "usage_document",
    "versions_member",
    "workload_page_document",
]
