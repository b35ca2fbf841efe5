-- What ingest owns: tables, row-level security, grants. Source: db/tables/ingest.py.

CREATE TABLE ingest.node (
  node TEXT NOT NULL,
  complete_through TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT node_pkey PRIMARY KEY (node)
);

CREATE TABLE ingest.round (
  one SMALLINT NOT NULL CONSTRAINT round_one_check CHECK (one = 1),
  round BIGINT NOT NULL,
  complete_through TIMESTAMP WITH TIME ZONE NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT round_pkey PRIMARY KEY (one)
);

CREATE TABLE ingest.source (
  workspace_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CONSTRAINT source_kind_check CHECK (kind in ('native', 'segment_server', 'segment_web', 'rudderstack', 'posthog_server', 'posthog_web', 'cloudevents')),
  origins TEXT[] DEFAULT '{}' NOT NULL,
  currency TEXT,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  disabled_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT source_pkey PRIMARY KEY (workspace_id, source_id)
);

CREATE TABLE ingest.source_key (
  workspace_id TEXT NOT NULL,
  key_id UUID NOT NULL,
  source_id TEXT NOT NULL,
  kind TEXT NOT NULL CONSTRAINT source_key_kind_check CHECK (kind in ('server', 'browser')),
  hash BYTEA NOT NULL,
  hint TEXT NOT NULL,
  may_import BOOLEAN DEFAULT 'false' NOT NULL,
  actor TEXT CONSTRAINT source_key_actor_check CHECK (actor in ('service', 'import')),
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT source_key_pkey PRIMARY KEY (workspace_id, key_id),
  CONSTRAINT source_key_workspace_id_source_id_fkey FOREIGN KEY(workspace_id, source_id) REFERENCES ingest.source (workspace_id, source_id)
);

CREATE UNIQUE INDEX source_key_hash ON ingest.source_key (hash);

CREATE INDEX source_key_workspace_id_source_id_idx ON ingest.source_key (workspace_id, source_id);

ALTER TABLE ingest.source ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest.source FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON ingest.source
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON ingest.source TO kizashi_ingest USING (true) WITH CHECK (true);

ALTER TABLE ingest.source_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest.source_key FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON ingest.source_key
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON ingest.source_key TO kizashi_ingest USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.node TO kizashi_ingest;

GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.round TO kizashi_ingest;

GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.source TO kizashi_ingest;

GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.source_key TO kizashi_ingest;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA ingest TO kizashi_ingest;
