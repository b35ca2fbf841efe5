"""Runs a script of `sql/`: statements that end with a semicolon at a line's end."""

from importlib.resources import files

from alembic import op


def run(name: str) -> None:
    """Every statement of `sql/<name>.sql`, in order."""
    script = (files("kizashi_common.db.migrations") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    for statement in filter(None, (text.strip() for text in script.split(";\n"))):
        op.execute(statement)
