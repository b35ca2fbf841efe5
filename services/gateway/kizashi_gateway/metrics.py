"""What the gateway counts about itself. Every series of a closed label exists from the start.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import Counter, Gauge, Histogram

from kizashi_common.telemetry.catalogue import closed
from kizashi_common.telemetry.metrics import H

Upstream = Literal["health", "alerts"]
Refusal = Literal["unknown", "expired", "revoked", "scope"]
Lost = Literal["timeout", "refused", "error"]

AUTH_FAILURES: Final = closed(
    Counter(
        "kizashi_gateway_auth_failures_total",
        "Requests refused for want of a valid credential or a scope",
        ["reason"],
    ),
    reason=get_args(Refusal),
)
UPSTREAM_SECONDS: Final = closed(
    Histogram("kizashi_gateway_upstream_seconds", "Commands and reads asked of an owner", ["upstream"], buckets=H),
    upstream=get_args(Upstream),
)
UPSTREAM_ERRORS: Final = closed(
    Counter("kizashi_gateway_upstream_errors_total", "Owners that gave no answer", ["upstream", "reason"]),
    upstream=get_args(Upstream),
    reason=get_args(Lost),
)
COMPLETENESS_AGE: Final = Gauge(
    "kizashi_gateway_completeness_age_seconds",
    "Now minus the time up to which all input of all partitions is proved complete: a witness apart from health",
)
AUDIT_WRITE_FAILURES: Final = Counter(
    "kizashi_gateway_audit_write_failures_total", "Audit rows that could not be stored"
)
