"""Everything the foundation keeps: the four services' schemas, and the read side over them."""

from kizashi_common.db.migrations.scripts import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for part in ("ingest", "health", "alerts", "gateway", "read"):
        run(f"0001_{part}")
