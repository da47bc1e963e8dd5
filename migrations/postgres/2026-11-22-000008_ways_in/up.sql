-- Other ways in: a tablet in the waiting room, paper and interviews with their true day, somebody who answers about the patient.

-- Whoever opens a tablet's link must hold the secret with this hash; NULL: the link alone opens.
ALTER TABLE link ADD COLUMN tablet_hash BYTEA;
-- Wrong years in a row, and when the last one came.
ALTER TABLE link ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN tried_at TIMESTAMP;

-- A short code that opens one link on one tablet, once, within minutes. Only its keyed hash is here.
CREATE TABLE pairing (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  code_hash BYTEA NOT NULL,
  link_id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  made_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP,
  PRIMARY KEY (org_id, code_hash),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id)
);

-- How answers came that staff put down, and the day on which they were given.
CREATE TABLE way_in (
  org_id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('clinician', 'paper', 'interview')),
  answered_on DATE NOT NULL,
  asked_by TEXT,
  manner TEXT CHECK (manner IN ('in_person', 'telephone', 'video')),
  recorded_by BYTEA NOT NULL,
  recorded_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, administration_id),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id),
  CHECK ((mode = 'interview') = (asked_by IS NOT NULL)),
  CHECK ((mode = 'interview') = (manner IS NOT NULL))
);

-- Somebody who answers about a patient. Their answers are a series of their own.
CREATE TABLE informant (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  relation TEXT NOT NULL CHECK (relation IN ('parent', 'partner', 'carer', 'teacher', 'other')),
  name TEXT NOT NULL,
  email TEXT,
  language TEXT NOT NULL,
  made_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id)
);
CREATE INDEX informant_patient ON informant (org_id, patient_id);
CREATE INDEX administration_informant ON administration (org_id, informant_id) WHERE informant_id IS NOT NULL;
