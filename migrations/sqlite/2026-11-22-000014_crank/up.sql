-- What the crank of safety keeps: on which days the digest left, who wants none, and a way to find what is past its time.

-- One row a day on which the digests were written, so that they are written once.
CREATE TABLE digest_day (
  org_id BLOB NOT NULL,
  on_day DATE NOT NULL,
  made_at TIMESTAMP NOT NULL,
  mails INTEGER NOT NULL,
  PRIMARY KEY (org_id, on_day)
) WITHOUT ROWID;

-- Whoever switched their own digest off.
CREATE TABLE digest_off (
  org_id BLOB NOT NULL,
  staff_id BLOB NOT NULL,
  since TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, staff_id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id)
) WITHOUT ROWID;

CREATE INDEX flag_due ON flag (org_id, due_at) WHERE due_at IS NOT NULL;

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('digest_day', 'digest_day', '1000 1000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('digest_off', 'digest_off', '100 100 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_due', '10000 10000 10');
