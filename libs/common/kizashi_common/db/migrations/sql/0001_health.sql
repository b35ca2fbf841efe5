-- What health owns: tables, row-level security, grants. Source: db/tables/health.py.

CREATE TABLE health.account (
  slot INTEGER NOT NULL,
  account_id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  created_day DATE NOT NULL,
  bits_from DATE,
  active_bits BYTEA,
  next_user INTEGER DEFAULT '0' NOT NULL,
  last_login_day DATE,
  stale_since TIMESTAMP WITH TIME ZONE,
  CONSTRAINT account_pkey PRIMARY KEY (slot, account_id)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.account_card (
  workspace_id TEXT NOT NULL,
  account_id UUID NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT,
  owner TEXT,
  lifecycle TEXT NOT NULL,
  score DOUBLE PRECISION,
  band TEXT,
  evidence TEXT NOT NULL,
  coverage DOUBLE PRECISION NOT NULL,
  change_28 DOUBLE PRECISION,
  probability DOUBLE PRECISION,
  horizon_days INTEGER,
  top_reasons JSONB NOT NULL,
  arr DOUBLE PRECISION,
  currency TEXT,
  revenue_at_risk DOUBLE PRECISION NOT NULL,
  revenue_known BOOLEAN NOT NULL,
  renewal_date DATE,
  last_active_day DATE,
  as_of TIMESTAMP WITH TIME ZONE NOT NULL,
  complete_through TIMESTAMP WITH TIME ZONE,
  stale BOOLEAN NOT NULL,
  score_seq BIGINT NOT NULL,
  body JSONB NOT NULL,
  CONSTRAINT account_card_pkey PRIMARY KEY (workspace_id, account_id)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX account_card_external ON health.account_card (workspace_id, external_id);

CREATE INDEX account_card_risk ON health.account_card (workspace_id, revenue_at_risk DESC, account_id);

CREATE TABLE health.account_day (
  slot INTEGER NOT NULL,
  account_id UUID NOT NULL,
  day DATE NOT NULL,
  workspace_id TEXT NOT NULL,
  events BIGINT NOT NULL,
  human BIGINT NOT NULL,
  logins INTEGER NOT NULL,
  anonymous INTEGER NOT NULL,
  users BYTEA NOT NULL,
  feats BYTEA NOT NULL,
  sources BYTEA NOT NULL,
  CONSTRAINT account_day_pkey PRIMARY KEY (slot, account_id, day)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.account_feature (
  slot INTEGER NOT NULL,
  account_id UUID NOT NULL,
  feature TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  first_day DATE NOT NULL,
  last_day DATE NOT NULL,
  CONSTRAINT account_feature_pkey PRIMARY KEY (slot, account_id, feature)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.account_score (
  slot INTEGER NOT NULL,
  account_id UUID NOT NULL,
  workspace_id TEXT NOT NULL,
  score_seq BIGINT NOT NULL,
  published_at TIMESTAMP WITH TIME ZONE,
  published_band TEXT,
  published_over_cut BOOLEAN,
  CONSTRAINT account_score_pkey PRIMARY KEY (slot, account_id)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.account_score_day (
  workspace_id TEXT NOT NULL,
  account_id UUID NOT NULL,
  day DATE NOT NULL,
  model TEXT NOT NULL,
  basis TEXT NOT NULL CONSTRAINT account_score_day_basis_check CHECK (basis in ('published', 'reconstructed')),
  score DOUBLE PRECISION,
  band TEXT,
  probability DOUBLE PRECISION,
  evidence TEXT NOT NULL,
  calibration_id BIGINT,
  points JSONB NOT NULL,
  signals JSONB NOT NULL,
  CONSTRAINT account_score_day_pkey PRIMARY KEY (workspace_id, account_id, day, model, basis)
);

CREATE TABLE health.account_user (
  slot INTEGER NOT NULL,
  account_id UUID NOT NULL,
  ord INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  first_day DATE NOT NULL,
  last_day DATE NOT NULL,
  CONSTRAINT account_user_pkey PRIMARY KEY (slot, account_id, ord)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.build (
  build_id SMALLINT NOT NULL,
  partitions SMALLINT NOT NULL,
  state TEXT NOT NULL CONSTRAINT build_state_check CHECK (state in ('building', 'active', 'retired')),
  dedupe_key BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  activated_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT build_pkey PRIMARY KEY (build_id)
);

CREATE UNIQUE INDEX build_one_active ON health.build ((true)) WHERE state = 'active';

CREATE TABLE health.calibration (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  build_id SMALLINT NOT NULL,
  workspace_id TEXT NOT NULL,
  as_of DATE NOT NULL,
  kind TEXT NOT NULL CONSTRAINT calibration_kind_check CHECK (kind in ('live', 'reconstructed')),
  profile TEXT NOT NULL,
  horizon_days INTEGER NOT NULL,
  prior_pace DOUBLE PRECISION NOT NULL,
  base_rate DOUBLE PRECISION NOT NULL,
  intercept DOUBLE PRECISION NOT NULL,
  slope DOUBLE PRECISION NOT NULL,
  typical JSONB NOT NULL,
  basis TEXT NOT NULL CONSTRAINT calibration_basis_check CHECK (basis in ('recorded', 'inactivity', 'stated')),
  accounts INTEGER NOT NULL,
  outcomes INTEGER NOT NULL,
  data_version BYTEA NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT calibration_pkey PRIMARY KEY (id)
);

CREATE INDEX calibration_workspace_id_as_of_id_idx ON health.calibration (workspace_id, as_of, id);

CREATE TABLE health.consumer_slot (
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

CREATE TABLE health.dead_letter (
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

CREATE TABLE health.dedupe_chunk (
  slot INTEGER NOT NULL,
  event_day DATE NOT NULL,
  seq BIGINT NOT NULL,
  written_on DATE NOT NULL,
  ids BYTEA NOT NULL,
  CONSTRAINT dedupe_chunk_pkey PRIMARY KEY (slot, event_day, seq)
);

CREATE TABLE health.document (
  workspace_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CONSTRAINT document_state_check CHECK (state in ('draft', 'shadow', 'live', 'retired')),
  body JSONB NOT NULL,
  hash BYTEA NOT NULL,
  author TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT document_pkey PRIMARY KEY (workspace_id, kind, key, version)
);

CREATE TABLE health.fact (
  workspace_id TEXT NOT NULL,
  account_id UUID NOT NULL,
  name TEXT NOT NULL,
  entry TEXT DEFAULT '' NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  event_id TEXT NOT NULL,
  value JSONB,
  known_at TIMESTAMP WITH TIME ZONE NOT NULL,
  origin TEXT NOT NULL,
  actor TEXT,
  CONSTRAINT fact_pkey PRIMARY KEY (workspace_id, account_id, name, entry, at, event_id)
);

CREATE TABLE health.feature (
  workspace_id TEXT NOT NULL,
  key TEXT NOT NULL,
  first_day DATE NOT NULL,
  CONSTRAINT feature_pkey PRIMARY KEY (workspace_id, key)
);

CREATE TABLE health.flush_log (
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

CREATE TABLE health.outbox (
  slot INTEGER NOT NULL,
  seq BIGINT NOT NULL,
  key BYTEA,
  headers JSONB NOT NULL,
  payload BYTEA NOT NULL,
  CONSTRAINT outbox_pkey PRIMARY KEY (slot, seq)
);

CREATE TABLE health.parked_event (
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

CREATE TABLE health.slot_day (
  slot INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  day DATE NOT NULL,
  active_accounts INTEGER NOT NULL,
  events BIGINT NOT NULL,
  CONSTRAINT slot_day_pkey PRIMARY KEY (slot, workspace_id, day)
)
 WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE health.wake (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  slot INTEGER NOT NULL,
  workspace_id TEXT NOT NULL,
  subject TEXT DEFAULT '' NOT NULL,
  why TEXT NOT NULL,
  CONSTRAINT wake_pkey PRIMARY KEY (id)
);

CREATE INDEX wake_slot_id_idx ON health.wake (slot, id);

CREATE TABLE health.workspace_day (
  build_id SMALLINT NOT NULL,
  workspace_id TEXT NOT NULL,
  day DATE NOT NULL,
  calibration_id BIGINT,
  medians JSONB NOT NULL,
  ready_at TIMESTAMP WITH TIME ZONE,
  partial BOOLEAN NOT NULL,
  CONSTRAINT workspace_day_pkey PRIMARY KEY (build_id, workspace_id, day)
);

ALTER TABLE health.account ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_card ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_card FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_card
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_card TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_day FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_day
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_day TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_feature FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_feature
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_feature TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_score ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_score FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_score
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_score TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_score_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_score_day FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_score_day
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_score_day TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.account_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.account_user FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.account_user
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.account_user TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.calibration ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.calibration FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.calibration
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.calibration TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.document ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.document FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.document
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.document TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.fact ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.fact FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.fact
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.fact TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.feature FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.feature
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.feature TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.slot_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.slot_day FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.slot_day
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.slot_day TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.wake ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.wake FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.wake
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.wake TO kizashi_health USING (true) WITH CHECK (true);

ALTER TABLE health.workspace_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE health.workspace_day FORCE ROW LEVEL SECURITY;

CREATE POLICY workspace ON health.workspace_day
  USING (workspace_id = nullif(current_setting('kizashi.workspace', true), ''))
  WITH CHECK (workspace_id = nullif(current_setting('kizashi.workspace', true), ''));

CREATE POLICY owner_service ON health.workspace_day TO kizashi_health USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_card TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_day TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_feature TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_score TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_score_day TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.account_user TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.build TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.calibration TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.consumer_slot TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.dead_letter TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.dedupe_chunk TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.document TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.fact TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.feature TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.flush_log TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.outbox TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.parked_event TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.slot_day TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.wake TO kizashi_health;

GRANT SELECT, INSERT, UPDATE, DELETE ON health.workspace_day TO kizashi_health;

GRANT USAGE ON ALL SEQUENCES IN SCHEMA health TO kizashi_health;
