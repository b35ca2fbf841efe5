"""What Prometheus and Alertmanager are given by the compose file is what their files ask for."""

from __future__ import annotations

from typing import Any, Final

import yaml

from tests.ops.prometheus import FLAGS, OBSERVABILITY, local_configuration
from tests.ops.tools import ROOT

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROMETHEUS: Final[dict[str, Any]] = yaml.safe_load((OBSERVABILITY / "prometheus" / "prometheus.yml").read_text())


def targets(configuration: dict[str, Any]) -> list[str]:
    """Every address that is asked."""
    jobs = [*configuration["scrape_configs"], *configuration["alerting"]["alertmanagers"]]
    return [target for job in jobs for static in job["static_configs"] for target in static["targets"]]


def test_every_target_is_a_service_of_the_compose_file() -> None:
    hosts = {target.partition(":")[0] for target in targets(PROMETHEUS)}
    assert hosts - {"localhost"} <= set(COMPOSE)
    assert {"ingest", "health", "alerts", "gateway", "canary"} <= hosts


def test_our_own_label_service_is_never_replaced() -> None:
    for job in PROMETHEUS["scrape_configs"]:
        if job["job_name"].startswith("kizashi"):
            assert job["honor_labels"] is True


def test_budgets_of_thirty_days_find_their_samples_and_addresses_their_values() -> None:
    given = COMPOSE["prometheus"]
    assert {flag for flag in FLAGS if "log.level" not in flag} <= set(given["command"])
    asked = {label.strip("${}") for label in PROMETHEUS["global"]["external_labels"].values()}
    assert asked == {"KIZASHI_PUBLIC_URL", "GRAFANA_URL"} <= set(given["environment"])


def test_every_address_of_a_receiver_is_a_secret_of_the_compose_file() -> None:
    told = yaml.safe_load((OBSERVABILITY / "alertmanager" / "alertmanager.yml").read_text())
    files = {one["url_file"] for receiver in told["receivers"] for one in receiver["webhook_configs"]}
    assert files == {secret["target"] for secret in COMPOSE["alertmanager"]["secrets"]}


def test_the_configuration_of_a_product_on_this_machine_differs_in_addresses_alone() -> None:
    local = local_configuration([9000, 9001], alertmanager="http://127.0.0.1:9093", every="2s")
    assert targets(local) == ["127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9093"]
    assert local["global"]["external_labels"] == PROMETHEUS["global"]["external_labels"]
    assert local["global"]["scrape_interval"] == "2s"
    assert local_configuration([9000], rules=None)["rule_files"] == []
    assert local_configuration([9000])["alerting"]["alertmanagers"] == []
