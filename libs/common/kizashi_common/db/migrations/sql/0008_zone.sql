-- The zone of each workspace that has set one. Source: db/views.py.

CREATE VIEW read.workspace_zone WITH (security_invoker = true) AS
SELECT workspace_id, body ->> 'zone' AS zone FROM health.document WHERE kind = 'workspace_settings' AND state = 'live';

GRANT SELECT ON read.workspace_zone TO kizashi_gateway;

GRANT SELECT (workspace_id, kind, state, body) ON health.document TO kizashi_gateway;
