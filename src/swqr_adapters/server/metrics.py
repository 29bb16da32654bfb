"""What the server counts, in Prometheus text form.

Counting is a few additions to plain numbers; the text is made when somebody asks for it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

__all__ = ["Meter"]

# Whatever else a client calls its method is one more of them.
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meter(Collector):
    """Counts requests by route and status, and how long they took."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._times: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.in_flight = 0
        self.audit_failures = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Show one more number, read when somebody asks."""
        self._gauges[name] = (about, read)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (method if method in _METHODS else "other", route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        buckets = self._times.get(route)
        if buckets is None:
            buckets = self._times[route] = [0] * (len(_BOUNDS) + 1)
            self._sums[route] = 0.0
        buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sums[route] += seconds

    def text(self) -> bytes:
        """Return everything as Prometheus reads it."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the families (the interface of ``prometheus_client``)."""
        requests = CounterMetricFamily(
            "swqr_http_requests", "Answered requests.", labels=["method", "route", "status"]
        )
        for (method, route, status), count in list(self._requests.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        times = HistogramMetricFamily(
            "swqr_http_request_seconds", "Time to the answer.", labels=["route"]
        )
        for route, buckets in list(self._times.items()):
            rows, total = [], 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
                total += count
                rows.append((bound, float(total)))
            times.add_metric([route], buckets=rows, sum_value=self._sums[route])
        yield times
        yield GaugeMetricFamily(
            "swqr_http_requests_in_flight", "Requests not yet answered.", value=self.in_flight
        )
        yield CounterMetricFamily(
            "swqr_audit_failures", "Lines that could not be kept.", value=self.audit_failures
        )
        for name, (about, read) in self._gauges.items():
            yield GaugeMetricFamily(name, about, value=read())
