"""Everything the foundation keeps: the four services' schemas, and the read side over them."""

from importlib.resources import files

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = files("kizashi_common.db.migrations") / "sql"
    for part in ("ingest", "health", "alerts", "gateway", "read"):
        script = (sql / f"0001_{part}.sql").read_text(encoding="utf-8")
        for statement in filter(None, (text.strip() for text in script.split(";\n"))):
            op.execute(statement)
