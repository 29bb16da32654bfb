"""Kills a loaded server at random moments, starts it again, and counts what it has forgotten.

    python -m reliability.kill --kills 200

The server is a process of its own: the in-memory cloud with a store, jobs that only wait, IBM's
REST interface. Exit status 0 says that every promise was kept.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import aiohttp
from attrs import asdict, define
from reliability._journal import ENDED, Figures, Journal, Submission
from reliability._victim import BACKENDS, KEY

__all__ = ["main", "run"]

_CLIENTS: Final = 8
_PAGE: Final = 200
_LISTED: Final = 1000  # sessions, at most
_LONGEST_LOAD: Final = 0.6  # seconds from the first request to the kill, at most
_LAST: Final = 60.0
_LARGE: Final = 100_000


@define
class Server:
    """A server that runs, as a client sees it."""

    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    url: str

    async def ask(
        self, method: str, path: str, body: bytes | None = None, *, key: str | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer.

        Raises:
            aiohttp.ClientError: There was none.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self.http.request(
            method, f"{self.url}{path}", data=body, headers=headers
        ) as answer:
            return answer.status, await answer.read()

    async def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def serving(store: Path) -> AsyncIterator[Server]:
    """Start a server on a store."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reliability._victim", str(store), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        words = (await process.stdout.readline()).decode().split()
        if not words:
            raise RuntimeError("the server did not start again: see what it said above")
        headers = {"Authorization": f"apikey {KEY}", "Service-CRN": words[1]}
        async with aiohttp.ClientSession(headers=headers) as http:
            yield Server(process, http, words[0])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Client:
    """Hands over work and changes it, and writes down what it was told.

    Args:
        journal: Where it writes.
        chance: What it does next.
    """

    def __init__(self, journal: Journal, chance: random.Random) -> None:
        self._journal, self._chance = journal, chance

    async def work(self, server: Server) -> None:
        """Go on until the server is gone."""
        try:
            while True:
                await self._one(server)
        except (aiohttp.ClientError, ConnectionError):
            pass

    async def _one(self, server: Server) -> None:
        dice = self._chance.random()
        if dice < 0.04:
            await open_session(server, self._journal, f"s-{len(self._journal.sessions)}")
        elif dice < 0.12:
            await self._close(server)
        elif dice < 0.18:
            await self._cancel(server)
        elif dice < 0.23:
            await self._delete(server)
        else:
            await submit(server, self._journal, self._new())

    def _new(self) -> Submission:
        journal, chance = self._journal, self._chance
        mark = f"n-{len(journal.submissions)}"
        spaces = " " * (_LARGE if chance.random() < 0.03 else 0)
        params = f'{{"mark": "{mark}"{spaces}}}'
        head: dict[str, Any] = {
            "program_id": "sampler",
            "backend": chance.choice(BACKENDS),
            "tags": [mark],
        }
        text = json.dumps(head)[:-1] + f', "params": {params}}}'
        one = journal.submissions[mark] = Submission(mark, text.encode(), params.encode())
        return one

    def _some(self) -> Submission | None:
        known = [one for one in list(self._journal.submissions.values())[-200:] if one.id]
        return self._chance.choice(known) if known else None

    async def _cancel(self, server: Server) -> None:
        one = self._some()
        if one is not None and not one.deleting:
            status, _ = await server.ask("POST", f"/api/v1/jobs/{one.id}/cancel")
            if status == 204:
                one.cancelled = True
                self._journal.figures.changes += 1

    async def _delete(self, server: Server) -> None:
        one = self._some()
        if one is not None and one.ended is not None and not one.deleting:
            one.deleting = True
            status, _ = await server.ask("DELETE", f"/api/v1/jobs/{one.id}")
            if status == 204:
                one.deleted = True
                self._journal.figures.changes += 1

    async def _close(self, server: Server) -> None:
        known = [
            id for id in self._journal.sessions.values() if id and id not in self._journal.closed
        ]
        if known:
            id = self._chance.choice(known)
            status, _ = await server.ask("DELETE", f"/api/v1/sessions/{id}/close")
            if status == 204:
                self._journal.closed.add(id)
                self._journal.figures.changes += 1


async def submit(server: Server, journal: Journal, one: Submission) -> None:
    """Hand one piece of work over, for the first time or again."""
    status, body = await server.ask("POST", "/api/v1/jobs", one.body, key=one.mark)
    if status == 200:
        journal.confirm(one, json.loads(body)["id"])
    else:
        journal.figures.complain("lost", f"{one.mark} was refused: {status}, {body[:200]!r}")


async def open_session(server: Server, journal: Journal, key: str) -> None:
    """Open a batch, for the first time or again."""
    journal.sessions.setdefault(key, None)
    body = json.dumps({"backend": BACKENDS[0], "mode": "batch"}).encode()
    status, answer = await server.ask("POST", "/api/v1/sessions", body, key=key)
    if status == 200:
        id = json.loads(answer)["id"]
        if journal.sessions[key] is None:
            journal.figures.sessions += 1
        elif journal.sessions[key] != id:
            journal.figures.complain("doubled", f"{key} is {journal.sessions[key]} and {id}")
        journal.sessions[key] = id


async def _all(server: Server, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        status, body = await server.ask("GET", f"{path}&limit={_PAGE}&offset={len(found)}")
        if status != 200:
            raise RuntimeError(f"{path}: {status}, {body[:500]!r}")
        page = json.loads(body)[name]
        found += page
        if len(page) < _PAGE:
            return found


async def check(server: Server, journal: Journal, *, results: int | None) -> None:
    """Look at everything that was confirmed.

    Args:
        server: The server, after it was started again.
        journal: What was confirmed.
        results: How many results to read; None for all.
    """
    await _check_jobs(server, journal)
    for one in journal.unanswered():
        journal.figures.unanswered += 1
        await submit(server, journal, one)
    for key in [key for key, id in journal.sessions.items() if id is None]:
        await open_session(server, journal, key)
    journal.judge_sessions(await _sessions(server, journal))
    readable = [
        one
        for one in journal.submissions.values()
        if one.ended == "Completed" and not one.deleting and (results is None or not one.read)
    ]
    for one in readable if results is None else readable[-results:]:
        status, body = await server.ask("GET", f"/api/v1/jobs/{one.id}/results")
        journal.judge_result(one, status, body)


async def _sessions(server: Server, journal: Journal) -> list[dict[str, Any]]:
    """Return all sessions: those of the list, which has an end, and the others one by one."""
    _, body = await server.ask("GET", "/_swqr/sessions")
    found: list[dict[str, Any]] = json.loads(body)["sessions"]
    listed = {session["id"] for session in found}
    for id in journal.sessions.values():
        if len(listed) >= _LISTED and id is not None and id not in listed:
            status, body = await server.ask("GET", f"/api/v1/sessions/{id}")
            found += [json.loads(body)] if status == 200 else []
    return found


async def _check_jobs(server: Server, journal: Journal) -> None:
    jobs = await _all(server, "/api/v1/jobs?exclude_params=true", "jobs")
    journal.judge_jobs(jobs)


async def run(
    kills: int, seed: int, store: Path, told: Callable[[Figures], object] = lambda _: None
) -> Figures:
    """Kill a server so many times, and return the figures.

    Args:
        kills: How often.
        seed: Decides what the clients do, and when the server dies.
        store: Where its store is.
        told: Told how it stands after each kill.
    """
    journal, chance = Journal(), random.Random(seed)
    clients = [Client(journal, random.Random(chance.random())) for _ in range(_CLIENTS)]
    for _ in range(kills):
        async with serving(store) as server:
            await check(server, journal, results=20)
            work = [asyncio.ensure_future(client.work(server)) for client in clients]
            await asyncio.sleep(chance.random() * _LONGEST_LOAD)
            await server.kill()
            journal.figures.kills += 1
            told(journal.figures)
            await asyncio.gather(*work)
    async with serving(store) as server:
        await check(server, journal, results=0)
        async with asyncio.timeout(_LAST):
            while any(
                one.ended not in ENDED for one in journal.submissions.values() if not one.deleted
            ):
                await _check_jobs(server, journal)
        await check(server, journal, results=None)
    return journal.figures


def _progress(figures: Figures) -> None:
    if figures.kills % 10 == 0:
        print(figures, file=sys.stderr, flush=True)


def main(args: Sequence[str] | None = None) -> bool:
    """Print the figures; return whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m reliability.kill")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(args)
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store.db")
        figures = asyncio.run(run(options.kills, options.seed, store, _progress))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    shown = {name: value for name, value in asdict(figures).items() if name != "complaints"}
    print(f"| {' | '.join(shown)} | store | took |\n|{'---|' * (len(shown) + 2)}")
    took = perf_counter() - began
    print(f"| {' | '.join(map(str, shown.values()))} | {size / 1e6:.1f} MB | {took:.0f} s |")
    for complaint in figures.complaints:
        print(f"- {complaint}")
    return figures.good


if __name__ == "__main__":
    sys.exit(not main())
