-- The site's right to use an instrument whose owner asks for one; what was scored anew, why and by whom; and a task for a form that
-- was due and may not be used.
CREATE TABLE instrument_permission (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  instrument TEXT NOT NULL,
  reference TEXT NOT NULL,
  holder TEXT NOT NULL,
  granted_on DATE NOT NULL,
  expires_on DATE,
  recorded_by BYTEA,
  recorded_at TIMESTAMP NOT NULL,
  withdrawn_by BYTEA,
  withdrawn_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, recorded_by) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, withdrawn_by) REFERENCES staff (org_id, id)
);

CREATE TABLE rescore (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  instrument TEXT NOT NULL,
  from_version TEXT,
  to_version TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  reason TEXT NOT NULL,
  author_id BYTEA NOT NULL,
  started_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, author_id) REFERENCES staff (org_id, id)
);

-- One row a response and revision: which rescore made it, and what came of the criteria then.
CREATE TABLE rescored (
  org_id BYTEA NOT NULL,
  response_id BYTEA NOT NULL,
  revision INTEGER NOT NULL,
  rescore_id BYTEA NOT NULL,
  criteria TEXT NOT NULL,
  PRIMARY KEY (org_id, response_id, revision),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  FOREIGN KEY (org_id, rescore_id) REFERENCES rescore (org_id, id)
);

ALTER TABLE task DROP CONSTRAINT task_kind_check;
ALTER TABLE task ADD CONSTRAINT task_kind_check
  CHECK (kind IN ('mail_refused', 'not_for_me', 'no_address', 'nobody_licensed', 'no_permission'));
