"""A message knows since when telling it is due, whenever it was written."""

from kizashi_common.db.migrations.scripts import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0003_due")
