"""What the gateway counts about itself.

Source: OPERATIONS.md 5.
"""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

Upstream = Literal["health", "alerts"]
Refusal = Literal["unknown", "expired", "revoked", "scope"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.3, 0.5, 1.0, 2.5, 5.0)

AUTH_FAILURES: Final = Counter(
    "kizashi_gateway_auth_failures_total", "Requests refused for want of a valid credential or a scope.", ["reason"]
)
UPSTREAM_SECONDS: Final = Histogram(
    "kizashi_gateway_upstream_seconds", "Commands and reads asked of an owner.", ["upstream"], buckets=_SECONDS
)
UPSTREAM_ERRORS: Final = Counter(
    "kizashi_gateway_upstream_errors_total", "Owners that did not answer.", ["upstream", "reason"]
)
COMPLETENESS_AGE: Final = Gauge(
    "kizashi_gateway_completeness_age_seconds",
    "Now minus the time up to which all input is proved complete, read from PostgreSQL: a witness apart from health.",
)
AUDIT_WRITE_FAILURES: Final = Counter(
    "kizashi_gateway_audit_write_failures_total", "Audit rows that could not be stored."
)

for _reason in ("unknown", "expired", "revoked", "scope"):
    AUTH_FAILURES.labels(_reason)
for _upstream in ("health", "alerts"):
    UPSTREAM_SECONDS.labels(_upstream)
    for _reason in ("timeout", "refused", "error"):
        UPSTREAM_ERRORS.labels(_upstream, _reason)
