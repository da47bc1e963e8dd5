-- Answers that stand in the wrong record, or that nobody gave: who said so and why. The answers stay; nothing counts them. Taken back, the mark stays too.
CREATE TABLE in_error (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  reason TEXT NOT NULL,
  marked_by BYTEA NOT NULL,
  marked_at TIMESTAMP NOT NULL,
  ended_by BYTEA,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id),
  FOREIGN KEY (org_id, marked_by) REFERENCES staff (org_id, id),
  CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX in_error_holds ON in_error (org_id, administration_id) WHERE ended_at IS NULL;
