"""The event log in memory."""

import pytest

from swqr_adapters.storage import MemoryEventLog
from swqr_core.errors import ClosedError, InvalidInputError, UnsupportedOperation
from swqr_core.ports.storage import EventLog, LogRecord


def record(number: int) -> LogRecord:
    fact: dict[str, object] = {"n": number}
    return LogRecord(version=1, at="2026-01-01T00:00:00Z", input={"n": number}, facts=(fact,))


async def read(log: EventLog, after: int = 0) -> list[tuple[int, LogRecord]]:
    return [entry async for entry in log.read(after)]


async def test_records_are_numbered_from_one_in_the_order_of_the_calls() -> None:
    log = MemoryEventLog()

    numbers = [await log.append(record(n)) for n in (10, 20, 30)]

    assert numbers == [1, 2, 3]
    assert await read(log) == [(1, record(10)), (2, record(20)), (3, record(30))]


@pytest.mark.parametrize(("after", "expected"), [(0, [1, 2]), (1, [2]), (2, []), (9, [])])
async def test_reading_starts_behind_the_number_that_is_given(
    after: int, expected: list[int]
) -> None:
    log = MemoryEventLog()
    await log.append(record(1))
    await log.append(record(2))

    found = await read(log, after)

    assert [number for number, _ in found] == expected


async def test_a_reader_sees_what_is_added_while_it_reads() -> None:
    log = MemoryEventLog()
    await log.append(record(1))
    seen = []

    async for number, _ in log.read():
        seen.append(number)
        if number == 1:
            await log.append(record(2))

    assert seen == [1, 2]


async def test_a_log_that_keeps_nothing_still_counts() -> None:
    log = MemoryEventLog(keep=False)
    await log.append(record(1))

    number = await log.append(record(2))

    assert (number, len(log)) == (2, 2)


async def test_a_log_that_keeps_nothing_refuses_to_pretend_that_there_was_nothing() -> None:
    log = MemoryEventLog(keep=False)
    await log.append(record(1))

    with pytest.raises(UnsupportedOperation, match="keep=False"):
        await read(log)


async def test_a_log_that_keeps_nothing_can_be_read_behind_its_end() -> None:
    log = MemoryEventLog(keep=False)
    await log.append(record(1))

    assert await read(log, 1) == []


async def test_reading_from_a_negative_number_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="after"):
        await read(MemoryEventLog(), -1)


async def test_a_closed_log_takes_and_gives_nothing() -> None:
    log = MemoryEventLog()
    await log.append(record(1))
    await log.aclose()

    with pytest.raises(ClosedError):
        await log.append(record(2))
    with pytest.raises(ClosedError):
        await read(log)


async def test_a_reader_is_told_when_its_log_is_closed() -> None:
    log = MemoryEventLog()
    await log.append(record(1))
    await log.append(record(2))
    reader = log.read()
    await anext(reader)
    await log.aclose()

    with pytest.raises(ClosedError):
        await anext(reader)


async def test_closing_a_closed_log_is_no_error() -> None:
    log = MemoryEventLog()
    await log.aclose()

    await log.aclose()
