"""The workspace is complete up to where every partition is, also those that nobody claimed."""

from kizashi_common.db.migrations.scripts import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0005_progress")
