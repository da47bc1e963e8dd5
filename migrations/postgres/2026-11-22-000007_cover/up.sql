-- Cover: who is away, and who stands in for them. Days on the site's clock, both included.
CREATE TABLE absence (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  staff_id BYTEA NOT NULL,
  from_on DATE NOT NULL,
  until_on DATE NOT NULL,
  covered_by BYTEA,
  note TEXT NOT NULL,
  made_by BYTEA,
  made_at TIMESTAMP NOT NULL,
  -- Taken back: it never counted from then on.
  ended_at TIMESTAMP,
  ended_by BYTEA,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, covered_by) REFERENCES staff (org_id, id),
  CHECK (from_on <= until_on)
);
CREATE INDEX absence_until ON absence (org_id, until_on);

-- What else waits for the same patient is asked before every message.
CREATE INDEX administration_waiting ON administration (org_id, patient_id) WHERE ended_at IS NULL;
