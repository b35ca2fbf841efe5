-- What gateway owns: tables, row-level security, grants. Source: db/tables/gateway.py.

CREATE TABLE gateway.api_key (
  workspace_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT[] NOT NULL,
  created_by UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  last_used_at TIMESTAMP WITH TIME ZONE,
  version INTEGER NOT NULL,
  CONSTRAINT api_key_pkey PRIMARY KEY (workspace_id, key_id)
);

CREATE TABLE gateway.audit (
  workspace_id TEXT NOT NULL,
  audit_id UUID NOT NULL,
  request_id TEXT NOT NULL,
  phase TEXT NOT NULL CONSTRAINT audit_phase_check CHECK (phase in ('intent', 'result')),
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  outcome TEXT,
  body JSONB NOT NULL,
  address TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (workspace_id, audit_id)
);

CREATE INDEX audit_workspace_id_at_audit_id_idx ON gateway.audit (workspace_id, at, audit_id);

CREATE TABLE gateway.credential (
  name TEXT NOT NULL,
  kind TEXT NOT NULL CONSTRAINT credential_kind_check CHECK (kind in ('api_key', 'session', 'sign_in_link')),
  workspace TEXT NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT credential_pkey PRIMARY KEY (name)
);

CREATE TABLE gateway.idempotency (
  workspace_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  object TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (workspace_id, actor, route, key)
);

CREATE TABLE gateway.session (
  workspace_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  member_id UUID NOT NULL,
  key_id TEXT,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT session_pkey PRIMARY KEY (workspace_id, session_id)
);

CREATE TABLE gateway.sign_in_link (
  workspace_id TEXT NOT NULL,
  link_id TEXT NOT NULL,
  member_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT sign_in_link_pkey PRIMARY KEY (workspace_id, link_id)
);

CREATE TABLE gateway.workspace (
  workspace_id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT workspace_pkey PRIMARY KEY (workspace_id)
);

CREATE TABLE gateway.api_key_secret (
  workspace_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  digest BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT api_key_secret_pkey PRIMARY KEY (workspace_id, key_id, digest),
  CONSTRAINT api_key_secret_workspace_id_key_id_fkey FOREIGN KEY(workspace_id, key_id) REFERENCES gateway.api_key (workspace_id, key_id)
);

CREATE TABLE gateway.member (
  workspace_id TEXT NOT NULL,
  member_id UUID NOT NULL,
  name TEXT NOT NULL,
  mail TEXT,
  role TEXT NOT NULL CONSTRAINT member_role_check CHECK (role in ('viewer', 'csm', 'manager', 'admin')),
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT member_pkey PRIMARY KEY (workspace_id, member_id),
  CONSTRAINT member_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES gateway.workspace (workspace_id)
);

ALTER TABLE gateway.api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.api_key FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.api_key
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.audit FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.audit
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.idempotency FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.idempotency
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.session ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.session FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.session
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.sign_in_link ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.sign_in_link FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.sign_in_link
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.workspace ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.workspace FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.workspace
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.api_key_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.api_key_secret FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.api_key_secret
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

ALTER TABLE gateway.member ENABLE ROW LEVEL SECURITY;
ALTER TABLE gateway.member FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON gateway.member
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.api_key TO kizashi_gateway;

GRANT SELECT, INSERT ON gateway.audit TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.credential TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.idempotency TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.session TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.sign_in_link TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.workspace TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.api_key_secret TO kizashi_gateway;

GRANT SELECT, INSERT, UPDATE, DELETE ON gateway.member TO kizashi_gateway;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA gateway TO kizashi_gateway;
