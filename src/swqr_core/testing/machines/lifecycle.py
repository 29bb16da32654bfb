"""Histories of sessions and jobs, made up by hypothesis."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Final, TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from swqr_core.testing.assertions import need_assertions
from swqr_core.testing.harness import Control, Harness, Seat
from swqr_core.testing.model import ModelJob, ModelSession, Rules
from swqr_core.testing.patience import WaitedInVain, new_runner
from swqr_core.testing.strategies import device_seconds, ttls
from swqr_core.wrappers.faulty import Loss

from .claims import Claims
from .stage import Stage

__all__ = ["FIRST_BUG", "SessionLifecycleMachine", "lifecycle_test"]

T = TypeVar("T")

FIRST_BUG = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    report_multiple_bugs=False,
    phases=(Phase.generate,),
)
"""Settings that stop at the first failure and do not shrink it: for showing that there is one."""

_NEEDED = (Control.TIME, Control.EXECUTIONS)
_PATIENCE: Final = 20
"""How many things may happen while a session comes to rest."""
_WHICH = st.integers(0, 3)
_REST = st.none() | device_seconds(50)
_RARELY = st.sampled_from([False, False, False, True])
_WAITS = st.sampled_from([0.25, 5.0, 15.0, 40.0, 59.75, 60.0])
_LOSS = st.sampled_from([None, None, None, *(loss for loss in Loss if loss is not Loss.PATIENCE)])


class SessionLifecycleMachine(RuleBasedStateMachine):
    """Anything that can be asked of a platform, in any order, compared with a model each time.

    Its harness must have the controls ``TIME`` and ``EXECUTIONS``; with ``BACKENDS`` and
    ``TENANTS`` histories have more in them. Subclass it to add rules, or use ``lifecycle_test``.

    The invariants are the methods of ``Claims`` and ``History``, and are checked after every
    step. A failing history is shrunk, and printed with the calls that made it and with what
    happened when.
    """

    rules_of_platform: ClassVar[Rules | None] = None
    """What the platform is like where platforms may differ; None for what its harness says."""
    _has_waited_in_vain: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        harness = self.make_harness()
        missing = [control.value for control in _NEEDED if control not in harness.controls]
        if missing:
            raise TypeError(f"{harness!r} has no control over: {', '.join(missing)}")
        self.stage = Stage(harness, self.rules_of_platform or harness.rules)
        if self._has_waited_in_vain:
            self.stage.patience = min(harness.patience, harness.short_patience)
        self.claims = Claims(self.stage)
        self._loop = new_runner()
        self._is_set_up = False
        self._last = 0.25
        self._went_wrong = False

    def make_harness(self) -> Harness:
        """Return a new platform that nobody else uses. Override this."""
        raise NotImplementedError(f"{type(self).__name__}: override `make_harness`")

    # --- the machinery -------------------------------------------------------------------------

    def play(self, scene: Coroutine[Any, Any, object]) -> None:
        """Play a part of the history, and look at what came of it."""

        async def play() -> None:
            await scene
            await self.stage.settle()
            await self.stage.look()

        try:
            self._loop.run(play())
            self.claims.check()
        except BaseException as error:
            self._went_wrong = True
            if isinstance(error, WaitedInVain):
                type(self)._has_waited_in_vain = True  # noqa: SLF001 - of all further attempts
            raise

    def teardown(self) -> None:
        """Let everything end, look at the whole of it, and clean up."""
        try:
            if self._is_set_up and not self._went_wrong:
                self._play_to_the_end()
        finally:
            try:
                if self._is_set_up:
                    self._loop.run(self.stage.end())
            finally:
                self._loop.close()

    def _play_to_the_end(self) -> None:
        stage = self.stage
        for backend in sorted(stage.model.offline):
            self.play(stage.set_online(backend, online=True))
        self.play(self._decide_all(self._last))
        while (due := stage.model.next_due()) is not None:
            self.play(stage.advance((due - stage.model.now) / 1e6))
        left = [job.number for job in stage.model.jobs if not job.is_over]
        assert not left, f"these jobs never end: {left}"

    async def _decide_all(self, seconds: float) -> None:
        for job in self._undecided():
            await self.stage.decide(job, seconds)

    def _pick(self, things: Sequence[T], which: int) -> T:
        """Pick one, counted from the newest, so that what is going on is met often."""
        return things[-1 - which % len(things)]

    def _undecided(self) -> list[ModelJob]:
        return [job for job in self.stage.model.jobs if not job.is_over and job.plan is None]

    def _alive(self) -> list[ModelJob]:
        return [job for job in self.stage.model.jobs if not job.is_over]

    def _taking(self) -> list[ModelSession]:
        return [session for session in self.stage.model.sessions if session.accepts_jobs]

    def _started(self) -> list[ModelSession]:
        return [s for s in self.stage.model.sessions if s.active]

    def _resting(self) -> list[ModelSession]:
        return [s for s in self.stage.model.sessions if s.state in {"idle", "inactive"}]

    def _seat(self, *, stranger: bool) -> Seat:
        return self.stage.seats[-1] if stranger else Seat.OWNER

    def _backend(self, which: int) -> str:
        backends = self.stage.backends
        return backends[which % len(backends)]

    def _can(self, capability: str, seat: Seat) -> bool:
        return bool(getattr(self.stage.transport(seat).capabilities, capability))

    # --- rules ---------------------------------------------------------------------------------

    @initialize(
        dedicated=st.sampled_from([None, True, False, True]),
        chosen=ttls(),
        jobs=st.integers(0, 2),
        last=device_seconds(100),
    )
    def begin(
        self, *, dedicated: bool | None, chosen: dict[str, int], jobs: int, last: float
    ) -> None:
        """Set the platform up, and mostly open a session: hypothesis likes to leave rules out.

        Jobs that are undecided when the history ends need *last* seconds.
        """
        self._is_set_up = True
        self._last = last
        self.play(self.stage.begin())
        if dedicated is not None:
            self._open(Seat.OWNER, 0, dedicated=dedicated, chosen=chosen, jobs=jobs, loss=None)

    @rule(
        stranger=st.booleans(),
        where=st.sampled_from([0, 0, 1]),
        dedicated=st.booleans(),
        chosen=ttls(),
        jobs=st.sampled_from([0, 1, 1, 2]),
        loss=_LOSS,
    )
    def open(
        self,
        *,
        stranger: bool,
        where: int,
        dedicated: bool,
        chosen: dict[str, int],
        jobs: int,
        loss: Loss | None,
    ) -> None:
        """Open a session or batch, of the kind that the platform has, and give it some jobs."""
        seat = self._seat(stranger=stranger)
        self._open(seat, where, dedicated=dedicated, chosen=chosen, jobs=jobs, loss=loss)

    def _open(
        self,
        seat: Seat,
        where: int,
        *,
        dedicated: bool,
        chosen: dict[str, int],
        jobs: int,
        loss: Loss | None,
    ) -> None:
        if not self._can("dedicated_sessions" if dedicated else "batches", seat):
            dedicated = not dedicated
            if not self._can("dedicated_sessions" if dedicated else "batches", seat):
                return
        if not self._can("custom_ttls", seat):
            chosen = {name: value for name, value in chosen.items() if name == "max_ttl"}
        if loss is Loss.ANSWER and not self._can("idempotent_open", seat):
            loss = None
        self.play(
            self.stage.open(seat, self._backend(where), dedicated=dedicated, loss=loss, **chosen)
        )
        session = self.stage.model.sessions[-1]
        for _ in range(jobs):
            self._submit(seat, session.backend, session, None, None)

    @rule(
        stranger=st.booleans(),
        where=st.sampled_from([0, 0, 1]),
        limit=st.sampled_from([None, None, 3]),
        loss=_LOSS,
    )
    def submit(
        self,
        *,
        stranger: bool,
        where: int,
        limit: int | None,
        loss: Loss | None,
    ) -> None:
        """Submit a job in job mode."""
        self._submit(self._seat(stranger=stranger), self._backend(where), None, limit, loss)

    @precondition(lambda self: self._taking())
    @rule(which=_WHICH, many=st.integers(1, 3), limit=st.sampled_from([None, None, 3]), loss=_LOSS)
    def submit_to_a_session(
        self, *, which: int, many: int, limit: int | None, loss: Loss | None
    ) -> None:
        """Submit some jobs to a session that takes them."""
        session = self._pick(self._taking(), which)
        for _ in range(many):
            self._submit(Seat(session.instance), session.backend, session, limit, loss)

    @precondition(lambda self: self._taking())
    @rule(which=_WHICH, rest=_REST, many=st.integers(1, 7), loss=_LOSS)
    def wake_a_session(
        self, *, which: int, rest: float | None, many: int, loss: Loss | None
    ) -> None:
        """Submit jobs to a session that has none left, at times more than it may run at once."""
        session = self._pick(self._resting() or self._taking(), which)
        if rest is not None:
            self._let_rest(session, rest)
        for _ in range(many):
            self._submit(Seat(session.instance), session.backend, session, None, loss)

    @precondition(lambda self: self.stage.model.sessions)
    @rule(which=_WHICH, stranger=st.booleans(), where=st.integers(0, 1))
    def submit_to_any_session(
        self,
        *,
        which: int,
        stranger: bool,
        where: int,
    ) -> None:
        """Submit to a session that may be closed, elsewhere, or somebody else's."""
        session = self._pick(self.stage.model.sessions, which)
        self._submit(self._seat(stranger=stranger), self._backend(where), session, None, None)

    def _submit(
        self,
        seat: Seat,
        backend: str,
        session: ModelSession | None,
        limit: int | None,
        loss: Loss | None,
    ) -> None:
        if loss is Loss.ANSWER and not self._can("idempotent_submit", seat):
            loss = None
        if not self._can("time_limits", seat):
            limit = None
        self.play(self.stage.submit(seat, backend, session, limit=limit, loss=loss))

    @precondition(lambda self: self._undecided())
    @rule(which=_WHICH, seconds=device_seconds(100), code=st.sampled_from([None, None, 1517, 6000]))
    def decide(self, *, which: int, seconds: float, code: int | None) -> None:
        """Decide how a job ends, which may have started or not: it completes, or it fails."""
        self.play(self.stage.decide(self._pick(self._undecided(), which), seconds, code))

    @precondition(lambda self: self.stage.model.jobs)
    @rule(which=_WHICH, late=_RARELY, loss=_LOSS)
    def cancel_job(self, *, which: int, late: bool, loss: Loss | None) -> None:
        """Cancel a job that is queued or running, or one that may have ended."""
        jobs = self.stage.model.jobs if late else self._alive()
        if jobs:
            self.play(self.stage.cancel_job(self._pick(jobs, which), loss=loss))

    @precondition(lambda self: self.stage.model.sessions)
    @rule(
        which=_WHICH,
        late=_RARELY,
        rest=_REST,
        drain=st.booleans(),
        loss=_LOSS,
    )
    def end_session(
        self,
        *,
        which: int,
        late: bool,
        rest: float | None,
        drain: bool,
        loss: Loss | None,
    ) -> None:
        """Drain or cancel a session that is not closed, or one that may be; let it rest first."""
        sessions = self.stage.model.sessions if late else self._taking()
        if sessions:
            session = self._pick(sessions, which)
            if rest is not None:
                self._let_rest(session, rest)
            drain = drain or not self._can("cancel_sessions", Seat(session.instance))
            self.play(self.stage.end_session(session, drain=drain, loss=loss))

    @rule(seconds=_WAITS, need=device_seconds(80))
    def wait(self, *, seconds: float, need: float) -> None:
        """Let time pass; jobs about which nothing was decided need *need* seconds."""
        self.play(self._decide_all(need))
        self.play(self.stage.advance(seconds))

    @rule(which=st.integers(0, 3), need=device_seconds(80))
    def wait_for_a_limit(self, *, which: int, need: float) -> None:
        """Let time pass to the very moment at which something will happen by itself."""
        self.play(self._decide_all(need))
        model = self.stage.model
        due = model.limits()
        if due:
            moment = due[min(which, len(due) - 1)]
            self.play(self.stage.advance((moment - model.now) / 1e6))

    @precondition(lambda self: self._started())
    @rule(which=_WHICH, need=device_seconds(20))
    def let_a_session_rest(self, *, which: int, need: float) -> None:
        """Let all jobs end, and a session turn inactive if it may live that long."""
        self._let_rest(self._pick(self._started(), which), need)

    def _let_rest(self, session: ModelSession, need: float) -> None:
        self.play(self._decide_all(need))
        model = self.stage.model
        for _ in range(_PATIENCE):
            due = model.next_due()
            if due is None or not session.active:
                break
            self.play(self.stage.advance((due - model.now) / 1e6))

    @precondition(lambda self: Control.BACKENDS in self.stage.harness.controls)
    @rule(where=st.integers(0, 1))
    def switch_a_backend(self, *, where: int) -> None:
        """Take a backend out of service, or bring it back."""
        backend = self._backend(where)
        online = backend in self.stage.model.offline
        self.play(self.stage.set_online(backend, online=online))

    @rule(stranger=st.booleans())
    def restart_the_client(self, *, stranger: bool) -> None:
        """Close somebody's transport and make a new one."""
        seat = self._seat(stranger=stranger)
        self.stage.tell(f"{seat} starts anew")
        self.play(self.stage.connect(seat))


def lifecycle_test(
    make: Callable[[], Harness],
    *,
    rules: Rules | None = None,
    settings: settings | None = None,  # noqa: A002, RUF100 - hypothesis's word
) -> None:
    """Hold a platform to the model, in as many histories as *settings* say.

    Args:
        make: Makes the harness of a platform that nobody else uses; called once for each history.
        rules: What the platform is like where platforms may differ; None for what its harness says.
        settings: Those of hypothesis; None for the profile's, without a deadline.

    Raises:
        AssertionError: A claim does not hold; the notes tell the shortest history found.
        ConfigurationError: Assertions are left out here.
    """
    need_assertions()

    class Machine(SessionLifecycleMachine):
        rules_of_platform = rules

        def make_harness(self) -> Harness:
            return make()

    run_state_machine_as_test(Machine, settings=settings)
