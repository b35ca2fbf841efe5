-- Up to when live snapshots have moved a subject's conditions; null before one did. Source: db/tables/alerts.py.

ALTER TABLE alerts.subject_cursor ADD COLUMN moved_at TIMESTAMP WITH TIME ZONE;
