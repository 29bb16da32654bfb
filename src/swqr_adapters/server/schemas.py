"""JSON schemas of the documents that the server writes, for its OpenAPI document."""

from typing import Any, Final

__all__ = ["SCHEMAS", "ref"]

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_WHOLE: Final[Schema] = {"type": "integer"}
_NUMBER: Final[Schema] = {"type": "number"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_TEXTS: Final[Schema] = {"type": "array", "items": _TEXT}
_ANY: Final[Schema] = {"type": "object"}


def ref(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _object(required: str, closed: bool = False, **properties: Schema) -> Schema:  # noqa: FBT001, FBT002
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required.split()
    if closed:
        schema["additionalProperties"] = False
    return schema


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_STATUS: Final[Schema] = {"enum": ["Queued", "Running", "Completed", "Cancelled", "Failed"]}
_PLATFORM_STATUS: Final[Schema] = {
    "enum": ["CREATED", "QUEUED", "RUNNING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED"]
}
_NAMED_VALUE: Final = _object("date name unit value", date=_TEXT, name=_TEXT, unit=_TEXT)

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": _object(
        "errors trace",
        errors=_list(
            _object(
                "code message solution more_info",
                code=_WHOLE, message=_TEXT, solution=_TEXT, more_info=_TEXT,
            )
        ),
        trace=_TEXT,
    ),
    "TokenError": {
        "anyOf": [
            _object(
                "errorCode errorMessage", errorCode=_TEXT, errorMessage=_TEXT, context=_ANY
            ),
            ref("Error"),
        ]
    },
    "Versions": _object(
        "versions idempotency",
        versions=_list(
            _object(
                "version status",
                version=_TEXT, status={"enum": ["live", "deprecated"]}, sunset_date=_TEXT,
            )
        ),
        idempotency=_FLAG,
    ),
    "Backends": _object("devices", devices=_list({"oneOf": [_TEXT, ref("Backend")]})),
    "Backend": _object(
        "name status queue_length qubits physical_qubits",
        name=_TEXT,
        status=_object(
            "name", name={"enum": ["online", "paused", "offline"]}, reason=_TEXT
        ),
        queue_length=_WHOLE,
        qubits=_WHOLE,
        physical_qubits=_WHOLE,
        is_simulator=_FLAG,
        clops=_or_null(_object("type value", type=_TEXT, value=_WHOLE)),
        processor_type=_or_null(
            _object("", family=_TEXT, revision=_TEXT, segment=_TEXT)
        ),
        wait_time_seconds=_or_null(_object("", average=_WHOLE, p50=_WHOLE, p95=_WHOLE)),
    ),
    "BackendConfiguration": _object(
        "backend_name backend_version n_qubits basis_gates gates local simulator conditional "
        "open_pulse memory coupling_map online_date coords u_channel_lo",
        backend_name=_TEXT,
        n_qubits=_WHOLE,
        basis_gates=_TEXTS,
        gates=_list(
            _object(
                "", closed=True, name=_TEXT, parameters=_TEXTS, qasm_def=_TEXT,
                coupling_map={}, latency_map={}, conditional=_FLAG, description=_TEXT,
            )
        ),
    ),
    "BackendProperties": {
        "oneOf": [
            {"type": "null"},
            _object(
                "backend_name backend_version last_update_date qubits gates general",
                qubits=_list(_list(_NAMED_VALUE)),
                gates=_list(
                    _object(
                        "gate parameters qubits",
                        gate=_TEXT, qubits=_list(_WHOLE), parameters=_list(_NAMED_VALUE),
                    )
                ),
                general={"type": "array"},
            ),
        ]
    },
    "BackendStatus": _object(
        "length_queue", closed=True, length_queue=_WHOLE, state=_FLAG, status=_TEXT,
        message=_TEXT, backend_version=_TEXT,
    ),
    "BackendDefaults": _or_null(_ANY),
    "JobSubmission": _object(
        "program_id backend",
        program_id=_TEXT, backend=_TEXT, params=_ANY, tags=_TEXTS, session_id=_or_null(_TEXT),
        log_level=_TEXT, cost={"type": "integer", "minimum": 0}, private=_FLAG, runtime=_TEXT,
        calibration_id=_TEXT,
    ),
    "Program": _object(
        "id name cost spec is_public",
        id=_TEXT, name=_TEXT, cost=_WHOLE, description=_TEXT, creation_date=_TIME,
        update_date=_TIME, spec=_ANY, is_public=_FLAG, tags=_TEXTS, owner=_TEXT,
        data={"type": "string", "format": "byte"},
    ),
    "Programs": _object(
        "programs count limit offset",
        programs=_list(ref("Program")), count=_WHOLE, limit=_WHOLE, offset=_WHOLE,
    ),
    "ProgramUpload": _object(
        "name data",
        name={"type": "string", "minLength": 1, "maxLength": 52},
        data={"type": "string", "format": "byte"}, cost=_WHOLE, description=_TEXT, spec=_ANY,
        tags=_TEXTS, is_public=_FLAG,
    ),
    "ProgramUpdate": _object(
        "",
        name={"type": "string", "minLength": 1, "maxLength": 52},
        cost=_WHOLE, description=_TEXT, spec=_ANY, tags=_TEXTS,
    ),
    "JobSubmitted": _object(
        "id backend", id=_TEXT, backend=_TEXT, session_id=_TEXT,
        private={"const": True}, calibration_id=_TEXT,
    ),
    "Job": _object(
        "id state status program created cost tags usage",
        id=_TEXT,
        backend=_TEXT,
        state=_object(
            "status", status=_STATUS, reason=_TEXT, reason_solution=_TEXT,
            reason_code={"type": "integer", "minimum": 1000, "maximum": 9999},
        ),
        status={"enum": [*_STATUS["enum"], "Cancelled - Ran too long"]},
        params=_ANY,
        program=_object("id", id=_TEXT),
        created=_TIME,
        cost=_WHOLE,
        tags=_TEXTS,
        session_id=_TEXT,
        user_id=_TEXT,
        usage=ref("JobUsage"),
        private={"const": True},
        estimated_running_time_seconds=_NUMBER,
        calibration_id=_TEXT,
    ),
    "JobUsage": _object(
        "qpu_charge_time_seconds status",
        qpu_charge_time_seconds=_NUMBER, status={"enum": ["pending", "complete"]},
        seconds=_NUMBER, quantum_seconds=_NUMBER,
    ),
    "Jobs": _object(
        "jobs count offset limit",
        jobs=_list(ref("Job")), count=_WHOLE, offset=_WHOLE,
        limit={"type": "integer", "minimum": 1, "maximum": 200},
    ),
    "Metrics": _object(
        "timestamps usage",
        timestamps=_object(
            "created", created=_TIME, running=_or_null(_TIME), finished=_or_null(_TIME)
        ),
        usage=ref("JobUsage"),
        circuits_execution_time_ns=_NUMBER,
        qiskit_version=_TEXT,
        caller=_TEXT,
    ),
    "Tags": _object("tags", tags=_TEXTS),
    "SessionOpening": _object(
        "",
        mode={"enum": ["dedicated", "batch"]}, backend=_TEXT, backend_name=_TEXT, max_ttl=_WHOLE,
        max_session_ttl=_NUMBER, interactive_ttl=_WHOLE, active_ttl=_WHOLE,
        instance=_or_null(_TEXT),
    ),
    "Session": _object(
        "id backend_name mode state accepting_jobs",
        id=_TEXT,
        backend_name=_or_null(_TEXT),
        mode={"enum": ["dedicated", "batch"]},
        state={"enum": ["open", "active", "inactive", "closed"]},
        state_reason=_or_null(_TEXT),
        accepting_jobs=_FLAG,
        max_ttl=_WHOLE,
        interactive_ttl=_WHOLE,
        active_ttl=_WHOLE,
        started_at=_or_null(_TIME),
        activated_at=_or_null(_TIME),
        closed_at=_or_null(_TIME),
        last_job_started=_or_null(_TIME),
        last_job_completed=_or_null(_TIME),
        timestamps=_list(
            _object(
                "status timestamp",
                status={"enum": ["open", "active", "inactive", "closed"]}, timestamp=_TIME,
            )
        ),
        user_id=_TEXT,
        elapsed_time=_or_null(_NUMBER),
    ),
    "SessionUpdate": _object("accepting_jobs", accepting_jobs=_FLAG),
    "ExtendedSession": _object(
        "id user_id backend_name instance interactive_ttl max_ttl active_ttl status "
        "accepting_jobs",
        status={
            "enum": ["completed", "canceled", "failed", "pending", "in_progress", "unknown"]
        },
        timestamps=_list(_object("status date", status=_TEXT, date=_TIME)),
        session_remaining_time_seconds=_NUMBER,
        status_reason=_TEXT,
        elapsed_time=_NUMBER,
    ),
    "SessionJobs": _object(
        "jobs count limit offset",
        jobs=_list(
            _object(
                "id hub group project backend state status params program created ended runtime "
                "cost tags session_id usage estimated_running_time_seconds "
                "estimated_max_running_time_seconds private user_id"
            )
        ),
        count=_WHOLE,
        limit=_WHOLE,
        offset=_WHOLE,
    ),
    "InstanceUsage": _object(
        "instance_id plan_id",
        instance_id=_TEXT,
        plan_id=_TEXT,
        usage_consumed_seconds=_NUMBER,
        usage_period=_object("start_time end_time", start_time=_TIME, end_time=_TIME),
        usage_limit_seconds=_NUMBER,
        usage_allocation_seconds=_NUMBER,
        usage_limit_reached=_FLAG,
    ),
    "Instance": _object(
        "backends plan_id",
        backends=_TEXTS, plan_id=_TEXT, instance_limit=_NUMBER, instance_limit_seconds=_TEXT,
        usage_allocation_seconds=_TEXT,
    ),
    "InstanceConfiguration": _object("", instance_limit=_or_null(_NUMBER)),
    "Account": _object(
        "plans",
        plans=_list(
            _object(
                "plan_id subscription_id subscription_name backends",
                plan_id=_TEXT, subscription_id=_TEXT, subscription_name=_TEXT, backends=_TEXTS,
            )
        ),
    ),
    "Workloads": _object(
        "workloads total_count limit",
        workloads=_list(
            _object(
                "id created backend instance user_id mode status",
                id=_TEXT,
                created=_TIME,
                ended=_or_null(_TIME),
                mode={"enum": ["job", "session", "batch"]},
                status={
                    "enum": ["completed", "canceled", "failed", "pending", "in_progress"]
                },
                accepting_jobs=_or_null(_FLAG),
                tags=_TEXTS,
            )
        ),
        total_count=_WHOLE,
        limit=_WHOLE,
        next=_object("href", href=_TEXT),
        previous=_object("href", href=_TEXT),
    ),
    "Token": _object(
        "access_token expires_in expiration token_type",
        access_token=_TEXT, expires_in=_WHOLE, expiration=_WHOLE, token_type={"const": "Bearer"},
        refresh_token=_TEXT, scope=_TEXT,
    ),
    "Search": _object(
        "items",
        items=_list(
            _object("crn name service_plan_unique_id doc tags", crn=_TEXT, name=_TEXT, tags=_TEXTS)
        ),
        search_cursor=_TEXT,
    ),
    "SearchQuery": _object("", query=_TEXT, fields=_TEXTS, search_cursor=_TEXT),
    "Resources": _object("resources", resources=_list(ref("Resource"))),
    "Resource": _object("crn name guid", crn=_TEXT, name=_TEXT, guid=_TEXT),
    "Plan": _object("overview_ui metadata", overview_ui=_ANY, metadata=_ANY),
    "FaultRule": _object(
        "",
        method=_TEXT, path=_TEXT, status=_or_null(_WHOLE), delay=_NUMBER, drop=_or_null(_TEXT),
        rate=_or_null(_WHOLE), period=_NUMBER, skip=_WHOLE, times=_or_null(_WHOLE),
    ),
    "PlatformError": _object("message", message=_TEXT),
    "PlatformKey": _object("key", key=_TEXT),
    "PlatformToken": _object("accessToken", accessToken=_TEXT),
    "GraphqlRequest": _object(
        "query", query=_TEXT, variables=_or_null(_ANY), operationName=_or_null(_TEXT)
    ),
    "GraphqlAnswer": _object(
        "data",
        data=_or_null(_ANY), errors=_list(_object("message", message=_TEXT)), extensions=_ANY,
    ),
    "PlatformSubmission": _object(
        "data", data=_TEXT, program_id=_TEXT, backend=_TEXT, channel=_TEXT, runtime=_FLAG
    ),
    "PlatformSubmitted": _object(
        "slug jobData",
        slug=_TEXT, externalIdentifier=_TEXT, status=_PLATFORM_STATUS,
        jobData=_object("job", job=_object("backend program_id channel", backend=_TEXT)),
    ),
    "PlatformJob": _object("job_slug", job_slug=_TEXT, channel=_TEXT, runtime=_FLAG),
    "PlatformStatus": _object("status", status=_PLATFORM_STATUS),
    "PlatformBackend": _object("", name=_TEXT, backend_name=_TEXT, datetime=_or_null(_TIME)),
    "PlatformOpening": _object(
        "backend",
        backend=_TEXT, max_time=_or_null(_WHOLE), mode={"enum": ["dedicated", "batch", None]},
    ),
    "PlatformSession": _object("session_id", session_id=_TEXT),
    "Any": _ANY,
}  # fmt: skip
"""By name."""
