"""Where an alert sends its reader: the runbook that the gateway serves, and the dashboard that shows the fault.

One rule file serves every installation, so addresses come from Prometheus's external labels.

Source: OPERATIONS.md 6.2.
"""

from __future__ import annotations

from typing import Final

_URL: Final = "{{{{ with $externalLabels.{label} }}}}{{{{ . }}}}{{{{ else }}}}{default}{{{{ end }}}}"
KIZASHI: Final = _URL.format(label="kizashi_url", default="http://127.0.0.1:7300")
GRAFANA: Final = _URL.format(label="grafana_url", default="http://127.0.0.1:3000")
DASHBOARDS: Final = ("overview", "ingest", "health", "alerts", "gateway", "dependencies")


def runbook_url(alert: str) -> str:
    """The template of the address of an alert's runbook."""
    return f"{KIZASHI}/runbooks/{alert}"


def dashboard_url(dashboard: str) -> str:
    """The template of the address of a dashboard."""
    return f"{GRAFANA}/d/kizashi-{dashboard}"
