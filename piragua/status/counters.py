"""What this instance has done since it started, counted as it happens.

The other parts know nothing of Prometheus: each tells what happened through a small interface of its own, which
this class has all of.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # each would be a series more

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_OPERATION_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_COMMAND_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True)
class Totals:
    """Sums since the start. operations: by kind and outcome. request_errors: answers of 500 and above."""

    requests: int
    request_errors: int
    operations: dict[tuple[str, str], int]
    commands: int
    commands_failed: int
    commands_retried: int


class Counters:
    """Counts into a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "piragua_http_requests",
            "Requests that were answered, by the pattern of their path and their status",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "piragua_http_request_duration_seconds",
            "From the request's head to the end of its answer",
            ("method", "route"),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )
        self._operations = Counter(
            "piragua_operations",
            "Long work that has ended, by its kind and how it ended",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self._operation_seconds = Histogram(
            "piragua_operation_duration_seconds",
            "From the time that it was accepted to its end",
            ("kind",),
            buckets=_OPERATION_SECONDS,
            registry=self.registry,
        )
        self._commands = Counter(
            "piragua_gluster_commands",
            "Commands of the gluster program, each attempt counted, by how it ended",
            ("command", "outcome"),
            registry=self.registry,
        )
        self._command_seconds = Histogram(
            "piragua_gluster_command_duration_seconds",
            "Of one attempt, without waiting for its turn",
            ("command",),
            buckets=_COMMAND_SECONDS,
            registry=self.registry,
        )
        self._retries = Counter(
            "piragua_gluster_command_retries",
            "Attempts that were made again since another command was in the way",
            ("command",),
            registry=self.registry,
        )
        self._turn_seconds = Histogram(
            "piragua_gluster_command_wait_seconds",
            "How long commands waited for their turn: glusterd runs one at a time for a Gluster volume",
            buckets=_COMMAND_SECONDS,
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. route: the pattern, never a path that a client has made up."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def operation_ended(self, kind: str, outcome: str, seconds: float) -> None:
        """outcome: succeeded, failed, or unknown, when it cannot be told yet."""
        self._operations.labels(kind, outcome).inc()
        self._operation_seconds.labels(kind).observe(seconds)

    def command_ended(self, command: str, outcome: str, seconds: float) -> None:
        """One attempt. outcome: ok, refused, busy, timeout or unavailable."""
        self._commands.labels(command, outcome).inc()
        self._command_seconds.labels(command).observe(seconds)

    def command_retried(self, command: str) -> None:
        """The command is given once more, since another one was in the way."""
        self._retries.labels(command).inc()

    def turn_came(self, seconds: float) -> None:
        """A command has waited that long for its turn."""
        self._turn_seconds.observe(seconds)

    def totals(self) -> Totals:
        """The sums that people look at."""
        requests = list(_counts(self._requests))
        commands = list(_counts(self._commands))
        return Totals(
            requests=sum(count for _, count in requests),
            request_errors=sum(count for labels, count in requests if labels["status"] >= "500"),
            operations={(labels["kind"], labels["outcome"]): count for labels, count in _counts(self._operations)},
            commands=sum(count for _, count in commands),
            commands_failed=sum(count for labels, count in commands if labels["outcome"] not in ("ok", "refused")),
            commands_retried=sum(count for _, count in _counts(self._retries)),
        )


def _counts(counter: MetricWrapperBase) -> Iterator[tuple[dict[str, str], int]]:
    """Labels and value of each of a counter's series."""
    for family in counter.collect():
        for sample in family.samples:
            yield sample.labels, int(sample.value)
