"""A person may allow a slot that stopped to begin a new log."""

from kizashi_common.db.migrations.scripts import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0004_reset")
