-- Requests under an Idempotency-Key, with the answer to give again; none where the answer held a secret. Source: GATEWAY.md 1.

CREATE TABLE alerts.idempotency (
  workspace_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  object TEXT NOT NULL,
  answer TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (workspace_id, actor, route, key)
);

ALTER TABLE alerts.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.idempotency FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.idempotency
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.idempotency TO kizashi_alerts USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.idempotency TO kizashi_alerts;
