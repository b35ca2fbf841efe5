"""People see times in the zone of their workspace."""

from kizashi_common.db.migrations.scripts import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0008_zone")
