-- How far each partition is proved: one row for each that there is, claimed or not. Source: db/views.py.

CREATE VIEW read.partition WITH (security_invoker = true) AS
SELECT p.number AS partition, s.complete_through, b.activated_at AS began_at FROM health.build AS b CROSS JOIN LATERAL generate_series(0, b.partitions - 1) AS p (number) LEFT JOIN health.consumer_slot AS s ON s.slot = b.build_id * 1000 + p.number WHERE b.state = 'active';

GRANT SELECT ON read.partition TO kizashi_gateway;

GRANT SELECT (build_id, partitions, state, activated_at) ON health.build TO kizashi_gateway;
