"""A score that waits to be told is told apart from one that waits to be computed."""

from kizashi_common.db.migrations.scripts import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0009_unsent")
