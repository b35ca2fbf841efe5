"""What the operators' exporters say of copies, disks, backups and certificates: a closed row of *Dependencies*.

Only an installation with the Kubernetes monitoring component has these series; the names are those of the rules in
`prometheus/platform`.

Source: OPERATIONS.md 6.2, 7.
"""

from __future__ import annotations

from typing import Final

from deploy.observability.grafana.model import Line, Query, Row, TimeSeries

_BACKUPS: Final = (
    '{__name__=~"cnpg_collector_last_available_backup_timestamp'
    '|barman_cloud_cloudnative_pg_io_last_available_backup_timestamp"}'
)
_DAY: Final = 86_400

PLATFORM: Final = Row(
    "Operators (Kubernetes only)",
    (
        TimeSeries(
            title="PostgreSQL: replicas that stream",
            unit="short",
            bad="Fewer than two: the next failure of a machine may stop writing.",
            do="Follow the runbook; the operator says in its cluster's status which instance is away and why.",
            queries=[Query("max by (namespace) (cnpg_pg_replication_streaming_replicas)", "{{namespace}}")],
            width=5,
            least_top=3,
            decimals=0,
            lines=(Line(2, "green", "KizashiReplicaMissing"),),
        ),
        TimeSeries(
            title="Kafka: partitions with too few copies",
            unit="short",
            bad="Above nothing for a quarter of an hour: a broker is away or cannot follow.",
            do="Follow the runbook.",
            queries=[
                Query("sum by (namespace) (kafka_server_replicamanager_underreplicatedpartitions)", "{{namespace}}")
            ],
            width=5,
            least_top=1,
            decimals=0,
            lines=(Line(1, "orange", "KizashiReplicaMissing"),),
        ),
        TimeSeries(
            title="Room left on volumes",
            unit="percentunit",
            bad="Below 15 %, or a line that points at nothing within a day.",
            do="Follow the runbook: enlarge the claim; for Kafka shorter retention, for PostgreSQL see the WAL first.",
            queries=[
                Query(
                    "min by (persistentvolumeclaim) (kubelet_volume_stats_available_bytes"
                    " / kubelet_volume_stats_capacity_bytes and on (namespace) kizashi_build_info)",
                    "{{persistentvolumeclaim}}",
                )
            ],
            width=5,
            top=1,
            lines=(Line(0.15, "orange", "KizashiDiskFilling"),),
        ),
        TimeSeries(
            title="PostgreSQL: age of the last backup",
            unit="s",
            bad="Above 26 hours: a restore takes longer, or is impossible.",
            do="Follow the runbook.",
            queries=[Query(f"time() - max by (namespace) ({_BACKUPS})", "{{namespace}}")],
            width=5,
            least_top=1.2 * _DAY,
            lines=(Line(26 * 3_600, "orange", "KizashiBackupOld"),),
        ),
        TimeSeries(
            title="Certificates: time left",
            unit="s",
            bad="Below 14 days: the operator renews earlier, so it does not.",
            do="Follow the runbook.",
            queries=[
                Query(
                    "min by (cluster, type) (strimzi_certificate_expiration_timestamp_ms) / 1000 - time()",
                    "{{cluster}} {{type}}",
                )
            ],
            width=4,
            least_top=30 * _DAY,
            lines=(Line(14 * _DAY, "orange", "KizashiCertificateExpiring"),),
        ),
    ),
    closed=True,
)
