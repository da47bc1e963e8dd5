CREATE TABLE task_old (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('mail_refused', 'not_for_me', 'no_address', 'nobody_licensed')),
  clinic_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  detail TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  done_at TIMESTAMP,
  done_by BLOB,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
INSERT INTO task_old (org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by)
  SELECT org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by FROM task WHERE kind <> 'no_permission';
DROP TABLE task;
ALTER TABLE task_old RENAME TO task;
CREATE INDEX task_open ON task (org_id, done_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task_open', '1000000 1000000 10');
DROP TABLE rescored;
DROP TABLE rescore;
DROP TABLE instrument_permission;
