-- What somebody wants to put right in answers that are handed in: their own words, kept beside the answers. They change none of them.
CREATE TABLE correction (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  words TEXT NOT NULL,
  language TEXT NOT NULL,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id)
);
CREATE INDEX correction_administration ON correction (org_id, administration_id);
