"""What an event costs the engine, with 1,000, 10,000 and 100,000 sessions, and a long run.

An event is what the shell does for one: let time pass, handle the input, ask for the next
deadline. Half of the measured events submit a job to the session whose turn it is, half finish
the job that has run longest, so the number of ready jobs stays the same throughout. The engines of
the three sizes take turns, so that what the machine does meanwhile falls on all alike.

* ``few ready``: 100 jobs wait or run, on 50 devices; all sessions exist, most are quiet.
* ``one queue``: a job of every session waits for the same device.

The garbage collector's part of the mean is shown: it walks over everything that is alive now and
then, which is the part that more memory makes dearer.
"""

import gc
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from swqr_core.engine.engine import Engine
from swqr_core.engine.facts import StartExecution
from swqr_core.engine.inputs import AddDevice, FinishExecution, Input, OpenSession, SubmitJob
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.model.ids import BackendName, InstanceId, JobId, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.ports.executor import ExecutionStatus

SIZES = (1_000, 10_000, 100_000)
ROUNDS, EVENTS = 20, 1_000  # so many rounds of so many submissions, and as many endings
INSTANCES = 100
BEGINNING = datetime(2026, 1, 31, 9, tzinfo=UTC)
STEP = timedelta(milliseconds=10)
YEAR = 365 * 86_400
# Cost at 100,000 sessions over cost at 1,000, at most. Hundred times as many cost the depth of the
# heaps, and memory that no longer fits into the processor's caches.
BOUND = 3.0


class Collector:
    """How long the garbage collector has worked, in nanoseconds."""

    def __init__(self) -> None:
        self.taken = self._begun = 0
        gc.callbacks.append(self)

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        """Take note that a collection starts or stops."""
        now = time.perf_counter_ns()
        if phase == "start":
            self._begun = now
        else:
            self.taken += now - self._begun


COLLECTOR = Collector()


class Load:
    """An engine with sessions and jobs, and what each event has cost it in nanoseconds."""

    def __init__(self, sessions: int, devices: int) -> None:
        self.engine = Engine(EngineSettings(idle_open_seconds=YEAR))
        self.at = BEGINNING
        self.running: deque[JobId] = deque()
        self.jobs = 0
        self.costs: list[int] = []
        self.collecting = 0
        self.specs: list[tuple[Principal, JobSpec]] = []
        for number in range(devices):
            self.give(AddDevice(device=Device(name=BackendName(f"device{number}"))))
        for number in range(sessions):
            self.open(number, BackendName(f"device{number % devices}"))
        self.costs.clear()

    def open(self, number: int, backend: BackendName) -> None:
        """Open a session: nine of ten are batches, and one gives its device back at once."""
        principal = Principal(user="u", instance=InstanceId(f"instance{number % INSTANCES}"))
        session_id = SessionId(f"session{number}")
        dedicated = number % 10 == 0
        self.give(
            OpenSession(
                principal=principal,
                session_id=session_id,
                spec=SessionSpec(
                    backend=backend,
                    mode=SessionMode.DEDICATED if dedicated else SessionMode.BATCH,
                    interactive_ttl=0 if dedicated else None,
                ),
                key=session_id,
                content="",
            )
        )
        spec = JobSpec(program_id=ProgramId("sampler"), backend=backend, session_id=session_id)
        self.specs.append((principal, spec))

    def give(self, input: Input) -> None:
        """Let one event happen, and time it."""
        self.at += STEP
        collected, begun = COLLECTOR.taken, time.perf_counter_ns()
        self.engine.advance_to(self.at)
        step = self.engine.handle(input, self.at)
        self.engine.next_deadline()
        self.costs.append(time.perf_counter_ns() - begun)
        self.collecting += COLLECTOR.taken - collected
        self.running += [e.job_id for e in step.effects if isinstance(e, StartExecution)]

    def submit(self) -> None:
        """Submit a job to the session whose turn it is."""
        principal, spec = self.specs[self.jobs % len(self.specs)]
        self.jobs += 1
        job_id = JobId(f"job{self.jobs}")
        self.give(
            SubmitJob(
                principal=principal,
                job_id=job_id,
                spec=spec,
                params=Payload("sha256:0", 1),
                key=job_id,
                content="",
            )
        )

    def finish(self) -> bool:
        """Finish the job that has run longest; return whether there was one."""
        if not self.running:
            self.running += self.engine.outstanding()
        if not self.running:
            return False
        self.give(
            FinishExecution(
                job_id=self.running.popleft(),
                status=ExecutionStatus.COMPLETED,
                quantum_seconds=1.0,
            )
        )
        return True

    def work(self, events: int) -> None:
        """Submit and finish so many jobs."""
        for _ in range(events):
            self.submit()
            self.finish()

    def ready(self, jobs: int) -> "Load":
        """Begin with so many jobs that wait or run."""
        for _ in range(jobs):
            self.submit()
        self.work(500)  # not counted
        self.costs.clear()
        self.collecting = 0
        return self


def few_ready(sessions: int) -> Load:
    """Return an engine with 100 ready jobs."""
    return Load(sessions, devices=50).ready(100)


def one_queue(sessions: int) -> Load:
    """Return an engine with a queued job for every session, on one device."""
    return Load(sessions, devices=1).ready(sessions)


def compare(name: str, make: Callable[[int], Load]) -> bool:
    """Print the rows of one scenario; return whether both ratios keep the bound."""
    loads = {size: make(size) for size in SIZES}
    for _ in range(ROUNDS):
        for load in loads.values():
            load.work(EVENTS)
    unit: tuple[float, float] | None = None
    kept = True
    for size, load in loads.items():
        costs = sorted(load.costs)
        mean, p99 = sum(costs) / len(costs) / 1e3, costs[len(costs) * 99 // 100] / 1e3
        unit = unit or (mean, p99)
        collector = load.collecting / len(costs) / 1e3
        ratios = mean / unit[0], p99 / unit[1]
        kept = kept and max(ratios) <= BOUND
        print(
            f"| {name} | {size:,} | {mean:.1f} | {collector:.1f} | {p99:.1f} "
            f"| {ratios[0]:.2f} | {ratios[1]:.2f} | {BOUND:g} |",
            flush=True,
        )
    return kept


def long_run() -> None:
    """Print what 100,000 jobs in 10,000 sessions take from the first to the last."""
    begun = time.perf_counter()
    load = Load(10_000, devices=50)
    for _ in range(100_000):
        load.submit()
    while load.finish():
        pass
    events, taken = 10_000 + 2 * load.jobs, time.perf_counter() - begun
    print(
        f"\n{load.jobs:,} jobs in 10,000 sessions: {events:,} events in {taken:.1f} s, "
        f"{events / taken:,.0f} a second"
    )


def main() -> bool:
    """Print the tables; return whether every bound was kept."""
    print("| scenario | sessions | mean µs | collector | p99 µs | mean × | p99 × | at most |")
    print("|---|---|---|---|---|---|---|---|")
    kept = [compare("few ready", few_ready), compare("one queue", one_queue)]
    long_run()
    return all(kept)
