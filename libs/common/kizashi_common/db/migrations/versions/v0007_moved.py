"""Alerts remembers up to when live snapshots have moved a subject's conditions."""

from kizashi_common.db.migrations.scripts import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0007_moved")
