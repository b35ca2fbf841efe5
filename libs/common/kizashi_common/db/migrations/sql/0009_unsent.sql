-- Why a score that is computed still waits to be told; null where it was. Source: db/tables/health.py.

ALTER TABLE health.account ADD COLUMN unsent TEXT;
