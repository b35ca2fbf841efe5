"""Alerts remembers the commands that came with an Idempotency-Key."""

from kizashi_common.db.migrations.scripts import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("0006_repeats")
