"""Alembic's way in: runs on the connection that `db/migrate.py` hands over, as the owner role."""

from alembic import context

from kizashi_common.db.tables.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema="kizashi",
    include_schemas=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
