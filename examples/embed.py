"""Embed swqr in a platform: asyncio, no Qiskit in this process, jobs as plain bytes.

The circuit is OpenQASM 3 text, and parameters and results are JSON, so this program needs only
what `AsyncRuntime` gives. On another transport it runs unchanged: only the URL differs.
"""

import asyncio
import json
from collections import Counter

from swqr_core import AsyncRuntime
from swqr_core.errors import JobFailedError

BELL = """
OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
h $0;
cx $0, $1;
c[0] = measure $0;
c[1] = measure $1;
"""


def parameters(circuit: str, shots: int) -> bytes:
    """Return a sampler's parameters; without `support_qiskit` the result is plain JSON."""
    return json.dumps({"pubs": [[circuit, None, shots]], "version": 2}).encode()


async def main() -> None:
    """Run three jobs of one session side by side, and one that cannot work."""
    async with await AsyncRuntime.connect("memory://?seed=7") as runtime:
        async with runtime.open_session("ideal_2", max_time="10m") as session:
            jobs = [await session.submit("sampler", parameters(BELL, 1000)) for _ in range(3)]
            for job in jobs:
                result = json.loads(await job.result(timeout=120))
                print(job.id, Counter(result["results"][0]["data"]["c"]["samples"]))

            bad = await session.submit("sampler", parameters(BELL.replace("h $0", "h $9"), 10))
            try:
                await bad.result(timeout=120)
            except JobFailedError as error:
                print(f"as expected: {error}")

        snapshot = await session.refresh()
        print(f"session {snapshot.id} is {snapshot.state} after {len(jobs) + 1} jobs")
        usage = await runtime.usage()
        print(f"{usage.consumed_seconds:.2f} s of device time used")


if __name__ == "__main__":
    asyncio.run(main())
