-- The read side: security_invoker views, so that row-level security of the table behind holds. Source: db/views.py.

CREATE VIEW read.account_card WITH (security_invoker = true) AS
SELECT workspace_id, account_id, external_id, name, owner, lifecycle, score, band, evidence, coverage, change_28, probability, horizon_days, top_reasons, arr, currency, revenue_at_risk, revenue_known, renewal_date, last_active_day, as_of, complete_through, stale, score_seq, body FROM health.account_card;

GRANT SELECT ON read.account_card TO kizashi_gateway;

CREATE VIEW read.account_score_day WITH (security_invoker = true) AS
SELECT workspace_id, account_id, day, model, basis, score, band, probability, evidence FROM health.account_score_day;

GRANT SELECT ON read.account_score_day TO kizashi_gateway;

CREATE VIEW read.account_fact WITH (security_invoker = true) AS
SELECT DISTINCT ON (workspace_id, account_id, name, entry) workspace_id, account_id, name, entry, at, value, known_at, origin FROM health.fact ORDER BY workspace_id, account_id, name, entry, at DESC, event_id DESC;

GRANT SELECT ON read.account_fact TO kizashi_gateway;

CREATE VIEW read.workspace_progress WITH (security_invoker = true) AS
SELECT CASE WHEN bool_and(complete_through IS NOT NULL) THEN min(complete_through) END AS complete_through FROM health.consumer_slot;

GRANT SELECT ON read.workspace_progress TO kizashi_gateway;

CREATE VIEW read.member_directory WITH (security_invoker = true) AS
SELECT workspace_id, member_id, name, mail, role FROM gateway.member;

GRANT SELECT ON read.member_directory TO kizashi_gateway;

CREATE VIEW read.alert WITH (security_invoker = true) AS
SELECT id, workspace_id, rule_key, scope, rule_version, kind, episode, reopen_count, account_id, external_id, account, title, clears_when, playbook, recommended_actions, condition, severity, cleared_at, evidence, score, as_of, complete_through, data_stale, covered_by, notified_at, held_by, workflow, owner, acknowledged_by, acknowledged_at, resolution, feedback, note, closed_by, version, opened_at, closed_at FROM alerts.alert;

GRANT SELECT ON read.alert TO kizashi_gateway;

CREATE VIEW read.alert_event WITH (security_invoker = true) AS
SELECT alert_id, number, workspace_id, type, actor, before, after, notify, at FROM alerts.alert_event;

GRANT SELECT ON read.alert_event TO kizashi_gateway;

GRANT SELECT ON alerts.alert TO kizashi_gateway;

GRANT SELECT ON alerts.alert_event TO kizashi_gateway;

GRANT SELECT ON gateway.member TO kizashi_gateway;

GRANT SELECT ON health.account_card TO kizashi_gateway;

GRANT SELECT ON health.account_score_day TO kizashi_gateway;

GRANT SELECT ON health.consumer_slot TO kizashi_gateway;

GRANT SELECT ON health.fact TO kizashi_gateway;

GRANT SELECT ON kizashi.alembic_version TO kizashi_ingest, kizashi_health, kizashi_alerts, kizashi_gateway;
