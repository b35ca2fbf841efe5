-- Since when telling a message is due; null where it is its own time. Source: db/tables/alerts.py.

ALTER TABLE alerts.event_outbox ADD COLUMN due_at TIMESTAMP WITH TIME ZONE;
