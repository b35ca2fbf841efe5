-- What a person allowed to a slot that stopped. Source: db/tables/slots.py.

ALTER TABLE health.consumer_slot
    ADD COLUMN reset_from INTEGER,
    ADD COLUMN reset_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN reset_by TEXT,
    ADD COLUMN gap_accepted BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE alerts.consumer_slot
    ADD COLUMN reset_from INTEGER,
    ADD COLUMN reset_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN reset_by TEXT,
    ADD COLUMN gap_accepted BOOLEAN DEFAULT false NOT NULL;
