-- The site's right to use an instrument whose owner asks for one; what was scored anew, why and by whom; and a task for a form that
-- was due and may not be used.
CREATE TABLE instrument_permission (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
  instrument TEXT NOT NULL,
  reference TEXT NOT NULL,
  holder TEXT NOT NULL,
  granted_on DATE NOT NULL,
  expires_on DATE,
  recorded_by BLOB,
  recorded_at TIMESTAMP NOT NULL,
  withdrawn_by BLOB,
  withdrawn_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, recorded_by) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, withdrawn_by) REFERENCES staff (org_id, id)
) WITHOUT ROWID;

CREATE TABLE rescore (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
  instrument TEXT NOT NULL,
  from_version TEXT,
  to_version TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  reason TEXT NOT NULL,
  author_id BLOB NOT NULL,
  started_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, author_id) REFERENCES staff (org_id, id)
) WITHOUT ROWID;

-- One row a response and revision: which rescore made it, and what came of the criteria then.
CREATE TABLE rescored (
  org_id BLOB NOT NULL,
  response_id BLOB NOT NULL,
  revision INTEGER NOT NULL,
  rescore_id BLOB NOT NULL,
  criteria TEXT NOT NULL,
  PRIMARY KEY (org_id, response_id, revision),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  FOREIGN KEY (org_id, rescore_id) REFERENCES rescore (org_id, id)
) WITHOUT ROWID;

-- SQLite cannot change a check: the table is made anew with one more kind.
CREATE TABLE task_new (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('mail_refused', 'not_for_me', 'no_address', 'nobody_licensed', 'no_permission')),
  clinic_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  detail TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  done_at TIMESTAMP,
  done_by BLOB,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
INSERT INTO task_new (org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by)
  SELECT org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by FROM task;
DROP TABLE task;
ALTER TABLE task_new RENAME TO task;
CREATE INDEX task_open ON task (org_id, done_at);

-- As in the first migration. Making `task` anew took its rows away.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('instrument_permission', 'instrument_permission', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('rescore', 'rescore', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('rescored', 'rescored', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task_open', '1000000 1000000 10');
