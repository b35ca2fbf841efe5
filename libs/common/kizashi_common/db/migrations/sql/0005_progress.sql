-- What is complete is so for every partition there is, claimed or not, and of the active build alone. Source: db/views.py.

CREATE OR REPLACE VIEW read.workspace_progress WITH (security_invoker = true) AS
SELECT CASE WHEN bool_and(complete_through IS NOT NULL) THEN min(complete_through) END AS complete_through FROM read.partition;
