-- What somebody wants to put right in answers that are handed in: their own words, kept beside the answers. They change none of them.
CREATE TABLE correction (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  administration_id BLOB NOT NULL,
  words TEXT NOT NULL,
  language TEXT NOT NULL,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id)
) WITHOUT ROWID;
CREATE INDEX correction_administration ON correction (org_id, administration_id);

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('correction', 'correction', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('correction', 'correction_administration', '1000000 1000000 2');
