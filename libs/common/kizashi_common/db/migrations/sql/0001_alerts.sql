-- What alerts owns: tables, row-level security, grants. Source: db/tables/alerts.py.

CREATE TABLE alerts.alert (
  id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  rule_key TEXT NOT NULL,
  scope TEXT DEFAULT '' NOT NULL,
  rule_version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  episode INTEGER NOT NULL,
  reopen_count INTEGER DEFAULT '0' NOT NULL,
  account_id UUID,
  external_id TEXT NOT NULL,
  account JSONB NOT NULL,
  title JSONB NOT NULL,
  clears_when TEXT NOT NULL,
  playbook TEXT,
  recommended_actions JSONB NOT NULL,
  condition TEXT NOT NULL CONSTRAINT alert_condition_check CHECK (condition in ('active', 'recovering', 'cleared')),
  severity TEXT NOT NULL CONSTRAINT alert_severity_check CHECK (severity in ('info', 'low', 'high', 'critical')),
  peak_severity TEXT NOT NULL,
  cleared_at TIMESTAMP WITH TIME ZONE,
  evidence JSONB NOT NULL,
  score JSONB NOT NULL,
  as_of TIMESTAMP WITH TIME ZONE NOT NULL,
  complete_through TIMESTAMP WITH TIME ZONE,
  data_stale BOOLEAN DEFAULT 'false' NOT NULL,
  covered_by UUID,
  notified_at TIMESTAMP WITH TIME ZONE,
  held_by TEXT,
  workflow TEXT NOT NULL CONSTRAINT alert_workflow_check CHECK (workflow in ('open', 'acknowledged', 'in_progress', 'resolved')),
  owner TEXT,
  acknowledged_by TEXT,
  acknowledged_at TIMESTAMP WITH TIME ZONE,
  resolution TEXT,
  feedback TEXT,
  note TEXT,
  closed_by TEXT,
  version INTEGER NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT alert_pkey PRIMARY KEY (id)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX alert_episode ON alerts.alert (workspace_id, subject, rule_key, scope, episode);

CREATE INDEX alert_of_account ON alerts.alert (workspace_id, account_id, opened_at DESC);

CREATE UNIQUE INDEX alert_one_open ON alerts.alert (workspace_id, subject, rule_key, scope) WHERE closed_at IS NULL;

CREATE INDEX alert_recent ON alerts.alert (workspace_id, opened_at DESC, id);

CREATE TABLE alerts.alert_event (
  alert_id UUID NOT NULL,
  number INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  type TEXT NOT NULL,
  actor TEXT NOT NULL,
  before JSONB NOT NULL,
  after JSONB NOT NULL,
  notify JSONB NOT NULL,
  request_id TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT alert_event_pkey PRIMARY KEY (alert_id, number)
);

CREATE TABLE alerts.attempt (
  delivery_id UUID NOT NULL,
  number INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  status INTEGER,
  ms INTEGER NOT NULL,
  error TEXT,
  response TEXT,
  CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, number)
);

CREATE TABLE alerts.condition (
  workspace_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  rule_key TEXT NOT NULL,
  scope TEXT DEFAULT '' NOT NULL,
  state TEXT NOT NULL CONSTRAINT condition_state_check CHECK (state in ('pending', 'active', 'recovering')),
  held_s DOUBLE PRECISION DEFAULT '0' NOT NULL,
  clear_held_s DOUBLE PRECISION DEFAULT '0' NOT NULL,
  evals INTEGER DEFAULT '0' NOT NULL,
  last_outcome TEXT NOT NULL CONSTRAINT condition_last_outcome_check CHECK (last_outcome in ('true', 'false', 'unknown')),
  last_as_of TIMESTAMP WITH TIME ZONE NOT NULL,
  unknown_since TIMESTAMP WITH TIME ZONE,
  logic TEXT NOT NULL,
  CONSTRAINT condition_pkey PRIMARY KEY (workspace_id, subject, rule_key, scope)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE alerts.consumer_slot (
  slot INTEGER NOT NULL,
  topic TEXT NOT NULL,
  part INTEGER NOT NULL,
  partitions INTEGER NOT NULL,
  cluster_id TEXT,
  incarnation INTEGER DEFAULT '0' NOT NULL,
  anchor_offset BIGINT,
  anchor_hash BYTEA,
  epoch BIGINT DEFAULT '0' NOT NULL,
  flush_seq BIGINT DEFAULT '0' NOT NULL,
  owner TEXT,
  claimed_at TIMESTAMP WITH TIME ZONE,
  first_offset BIGINT DEFAULT '0' NOT NULL,
  next_offset BIGINT DEFAULT '0' NOT NULL,
  complete_through TIMESTAMP WITH TIME ZONE,
  outbox_next BIGINT DEFAULT '1' NOT NULL,
  published_through BIGINT DEFAULT '0' NOT NULL,
  applied BIGINT DEFAULT '0' NOT NULL,
  duplicates BIGINT DEFAULT '0' NOT NULL,
  dead_lettered BIGINT DEFAULT '0' NOT NULL,
  parked BIGINT DEFAULT '0' NOT NULL,
  control BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT consumer_slot_pkey PRIMARY KEY (slot)
)
 WITH (fillfactor = 20);

CREATE TABLE alerts.dead_letter (
  slot INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  "off" BIGINT NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  key BYTEA,
  value BYTEA NOT NULL,
  headers JSONB NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  replayed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT dead_letter_pkey PRIMARY KEY (slot, incarnation, "off")
);

CREATE TABLE alerts.delivery (
  id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  endpoint_id UUID NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  body BYTEA NOT NULL,
  traceparent TEXT,
  state TEXT NOT NULL CONSTRAINT delivery_state_check CHECK (state in ('pending', 'leased', 'waiting', 'delivered', 'rejected', 'exhausted', 'parked')),
  attempt_no INTEGER DEFAULT '0' NOT NULL,
  next_at TIMESTAMP WITH TIME ZONE,
  lease_until TIMESTAMP WITH TIME ZONE,
  event_at TIMESTAMP WITH TIME ZONE NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT delivery_pkey PRIMARY KEY (id)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX delivery_due ON alerts.delivery (next_at) WHERE state in ('pending', 'waiting');

CREATE INDEX delivery_leased ON alerts.delivery (lease_until) WHERE state = 'leased';

CREATE UNIQUE INDEX delivery_once ON alerts.delivery (workspace_id, endpoint_id, event_id);

CREATE TABLE alerts.endpoint (
  id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  url TEXT NOT NULL,
  events JSONB NOT NULL,
  description TEXT DEFAULT '' NOT NULL,
  state TEXT NOT NULL CONSTRAINT endpoint_state_check CHECK (state in ('enabled', 'disabled', 'deleted')),
  disabled_because TEXT,
  version INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT endpoint_pkey PRIMARY KEY (id)
);

CREATE INDEX endpoint_workspace_id_created_at_idx ON alerts.endpoint (workspace_id, created_at);

CREATE TABLE alerts.event_outbox (
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  object TEXT NOT NULL,
  number BIGINT NOT NULL,
  type TEXT NOT NULL,
  key BYTEA NOT NULL,
  body BYTEA NOT NULL,
  traceparent TEXT,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  position BIGINT,
  CONSTRAINT event_outbox_pkey PRIMARY KEY (seq)
);

CREATE INDEX event_outbox_new ON alerts.event_outbox (seq) WHERE position IS NULL;

CREATE UNIQUE INDEX event_outbox_once ON alerts.event_outbox (object, number);

CREATE UNIQUE INDEX event_outbox_position ON alerts.event_outbox (position) WHERE position IS NOT NULL;

CREATE TABLE alerts.event_relay (
  name TEXT NOT NULL,
  next_position BIGINT DEFAULT '1' NOT NULL,
  sent_through BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT event_relay_pkey PRIMARY KEY (name)
);

CREATE TABLE alerts.flush_log (
  slot INTEGER NOT NULL,
  flush_seq BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  incarnation INTEGER NOT NULL,
  from_off BIGINT NOT NULL,
  to_off BIGINT NOT NULL,
  n_new INTEGER NOT NULL,
  n_dup INTEGER NOT NULL,
  n_dead INTEGER NOT NULL,
  n_park INTEGER NOT NULL,
  n_ctl INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT flush_log_pkey PRIMARY KEY (slot, flush_seq)
);

CREATE TABLE alerts.outbox (
  slot INTEGER NOT NULL,
  seq BIGINT NOT NULL,
  key BYTEA,
  headers JSONB NOT NULL,
  payload BYTEA NOT NULL,
  CONSTRAINT outbox_pkey PRIMARY KEY (slot, seq)
);

CREATE TABLE alerts.parked_event (
  slot INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  "off" BIGINT NOT NULL,
  code TEXT NOT NULL,
  error TEXT NOT NULL,
  key BYTEA,
  value BYTEA NOT NULL,
  headers JSONB NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  replayed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT parked_event_pkey PRIMARY KEY (slot, incarnation, "off")
);

CREATE TABLE alerts.secret (
  id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  endpoint_id UUID NOT NULL,
  key_id TEXT NOT NULL,
  ciphertext BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT secret_pkey PRIMARY KEY (id)
);

CREATE INDEX secret_workspace_id_endpoint_id_idx ON alerts.secret (workspace_id, endpoint_id);

CREATE TABLE alerts.subject_cursor (
  workspace_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  last_seq BIGINT NOT NULL,
  last_as_of TIMESTAMP WITH TIME ZONE,
  last_band TEXT,
  last_score DOUBLE PRECISION,
  CONSTRAINT subject_cursor_pkey PRIMARY KEY (workspace_id, subject)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE alerts.wake (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  part INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  why TEXT NOT NULL,
  body JSONB,
  CONSTRAINT wake_pkey PRIMARY KEY (id)
);

CREATE INDEX wake_part_id_idx ON alerts.wake (part, id);

ALTER TABLE alerts.alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.alert FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.alert
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.alert TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.alert_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.alert_event FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.alert_event
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.alert_event TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.attempt FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.attempt
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.attempt TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.condition ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.condition FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.condition
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.condition TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.delivery FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.delivery
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.delivery TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.endpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.endpoint FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.endpoint
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.endpoint TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.event_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.event_outbox FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.event_outbox
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.event_outbox TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.secret FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.secret
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.secret TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.subject_cursor ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.subject_cursor FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.subject_cursor
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.subject_cursor TO kizashi_alerts USING (true) WITH CHECK (true);

ALTER TABLE alerts.wake ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts.wake FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON alerts.wake
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON alerts.wake TO kizashi_alerts USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.alert TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.alert_event TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.attempt TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.condition TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.consumer_slot TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.dead_letter TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.delivery TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.endpoint TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.event_outbox TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.event_relay TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.flush_log TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.outbox TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.parked_event TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.secret TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.subject_cursor TO kizashi_alerts;

GRANT SELECT, INSERT, UPDATE, DELETE ON alerts.wake TO kizashi_alerts;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA alerts TO kizashi_alerts;
