"""What a transport can do."""

from attrs import frozen

__all__ = ["Capabilities"]


@frozen(kw_only=True)
class Capabilities:
    """What a transport can do. Anything else raises ``UnsupportedOperation``.

    Attributes:
        transport: The transport's name, for messages.
        dedicated_sessions: Sessions of mode ``dedicated`` can be opened.
        batches: Sessions of mode ``batch`` can be opened.
        session_listing: ``sessions()`` answers.
        cancel_sessions: Sessions can be cancelled, not only drained.
        custom_ttls: ``interactive_ttl`` and ``active_ttl`` are honoured.
        idempotent_submit: A repeated key gives the first job, whatever went wrong in between.
        idempotent_open: The same for opening a session.
        tags: Jobs carry tags that can be added to and searched.
        remove_tags: Tags can be taken away again.
        user_tags: How many tags are left for the user.
        delete_jobs: Jobs can be deleted.
        private_jobs: Jobs can be private.
        run_times: Jobs tell when they began to run.
        logs: Jobs have logs.
        metrics: Jobs have metrics.
        usage: What jobs and the instance have used is told.
        queue_lengths: Backends tell how many jobs wait for them.
        calibrations: A ``calibration_id`` is honoured.
        time_limits: ``max_execution_time`` is honoured.
        programs: ``programs()`` and ``program()`` answer.
        program_uploads: Programs can be added, changed, published and deleted.
        interim_results: What a running job publishes is told.
        find_by_key: ``jobs()`` finds a job by the idempotency key of its submission.
        lasting: Jobs and sessions outlive the process that made them.
        event_wait: ``wait_job`` wakes by event, with no polling.
        max_params_bytes: The largest payload that ``submit`` takes.
        max_result_bytes: The largest result that ``result`` gives as one piece.
    """

    transport: str
    dedicated_sessions: bool = True
    batches: bool = True
    session_listing: bool = True
    cancel_sessions: bool = True
    custom_ttls: bool = True
    idempotent_submit: bool = True
    idempotent_open: bool = True
    tags: bool = True
    remove_tags: bool = True
    user_tags: int = 8
    delete_jobs: bool = True
    private_jobs: bool = True
    run_times: bool = True
    logs: bool = True
    metrics: bool = True
    usage: bool = True
    queue_lengths: bool = True
    calibrations: bool = True
    time_limits: bool = True
    programs: bool = True
    program_uploads: bool = False
    interim_results: bool = False
    find_by_key: bool = False
    lasting: bool = True
    event_wait: bool = True
    max_params_bytes: int = 256 * 2**20
    max_result_bytes: int = 256 * 2**20
