"""The witness sees every partition, also one that nobody has claimed yet."""

from kizashi_common.db.migrations.scripts import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0002_partitions")
