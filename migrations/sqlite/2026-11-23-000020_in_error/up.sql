-- Answers that stand in the wrong record, or that nobody gave: who said so and why. The answers stay; nothing counts them. Taken back, the mark stays too.
CREATE TABLE in_error (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  administration_id BLOB NOT NULL,
  reason TEXT NOT NULL,
  marked_by BLOB NOT NULL,
  marked_at TIMESTAMP NOT NULL,
  ended_by BLOB,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id),
  FOREIGN KEY (org_id, marked_by) REFERENCES staff (org_id, id),
  CHECK ((ended_by IS NULL) = (ended_at IS NULL))
) WITHOUT ROWID;
CREATE UNIQUE INDEX in_error_holds ON in_error (org_id, administration_id) WHERE ended_at IS NULL;

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('in_error', 'in_error', '10000 10000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('in_error', 'in_error_holds', '10000 10000 1');
