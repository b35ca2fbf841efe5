"""Every dialect, written out: a new one is a file here and a line below, and its routes follow by themselves."""

from __future__ import annotations

from typing import Final

from kizashi_ingest.domain.dialect import DialectName, Route
from kizashi_ingest.domain.dialects import native, segment_com

DIALECTS: Final[tuple[tuple[Route, ...], ...]] = (native.ROUTES, segment_com.ROUTES)

ROUTES: Final[dict[str, Route]] = {route.path: route for routes in DIALECTS for route in routes}
"""Path → its route."""

NAMES: Final[tuple[DialectName, ...]] = ("native", "cloudevents", "segment", "rudderstack", "posthog")
"""Every value of the metrics' label `dialect`; rudderstack is reached by a source's declared kind."""
