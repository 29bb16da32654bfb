"""Asks the session lifecycle what may happen, without any cloud.

Needs the core alone. Prints what each state allows, then walks one session through its life.
"""

from swqr_core.errors import IllegalTransitionError
from swqr_core.lifecycle.session import TRANSITIONS, SessionEvent, SessionState, advance

for state in SessionState:
    events = [event for before, event in TRANSITIONS if before is state]
    print(f"{state:>9}: {', '.join(events)}")

state = SessionState.OPEN
print(f"\na life: {state}", end="")
for event in (SessionEvent.START_JOB, SessionEvent.DRAIN, SessionEvent.END_LAST_WORK):
    state = advance(state, event, session_id="example")
    print(f" -{event}-> {state}", end="")
print()

try:
    advance(state, SessionEvent.START_JOB, session_id="example")
except IllegalTransitionError as refused:
    print(f"refused: {refused}")
