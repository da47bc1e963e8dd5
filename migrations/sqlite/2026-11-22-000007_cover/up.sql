-- Cover: who is away, and who stands in for them. Days on the site's clock, both included.
CREATE TABLE absence (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  staff_id BLOB NOT NULL,
  from_on DATE NOT NULL,
  until_on DATE NOT NULL,
  covered_by BLOB,
  note TEXT NOT NULL,
  made_by BLOB,
  made_at TIMESTAMP NOT NULL,
  -- Taken back: it never counted from then on.
  ended_at TIMESTAMP,
  ended_by BLOB,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, covered_by) REFERENCES staff (org_id, id),
  CHECK (from_on <= until_on)
) WITHOUT ROWID;
CREATE INDEX absence_until ON absence (org_id, until_on);

-- What else waits for the same patient is asked before every message.
CREATE INDEX administration_waiting ON administration (org_id, patient_id) WHERE ended_at IS NULL;

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('absence', 'absence', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('absence', 'absence_until', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_waiting', '1000000 1000000 10');
