-- The spine: people, care, administrations, responses, flags, messages, audit.
-- Ids are UUIDv7 in 16 bytes; instants are UTC. Every table that grows has its organisation's id first in its key.
-- The front doors (link, setup_link, sign_in) are keyed by the hash of what a visitor holds: it tells the organisation.

CREATE TABLE organisation (
  id BYTEA NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  crisis_line TEXT,
  reading_promise TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL
);

CREATE TABLE clinic (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
);

CREATE TABLE program (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
);

CREATE TABLE staff (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('therapist', 'supervisor', 'quality', 'administrator')),
  licence TEXT,
  state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
  password_hash TEXT,
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE TABLE staff_clinic (
  org_id BYTEA NOT NULL,
  staff_id BYTEA NOT NULL,
  clinic_id BYTEA NOT NULL,
  PRIMARY KEY (org_id, staff_id, clinic_id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, clinic_id) REFERENCES clinic (org_id, id)
);

CREATE TABLE sign_in (
  secret_hash BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL,
  staff_id BYTEA NOT NULL,
  created_at TIMESTAMP NOT NULL,
  seen_at TIMESTAMP NOT NULL,
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id)
);
CREATE INDEX sign_in_staff ON sign_in (org_id, staff_id);

CREATE TABLE setup_link (
  secret_hash BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  staff_id BYTEA,
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);

CREATE TABLE patient (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  id BYTEA NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT,
  email_refused_at TIMESTAMP,
  language TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  changed_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
);

CREATE TABLE episode (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  clinic_id BYTEA NOT NULL,
  program_id BYTEA NOT NULL,
  clinician_id BYTEA NOT NULL,
  started_on DATE NOT NULL,
  ended_on DATE,
  ending TEXT CHECK (ending IN ('planned', 'unplanned', 'transferred', 'died')),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, patient_id, program_id, started_on),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id),
  FOREIGN KEY (org_id, clinic_id) REFERENCES clinic (org_id, id),
  FOREIGN KEY (org_id, program_id) REFERENCES program (org_id, id),
  FOREIGN KEY (org_id, clinician_id) REFERENCES staff (org_id, id),
  CHECK ((ended_on IS NULL) = (ending IS NULL))
);
CREATE INDEX episode_clinician ON episode (org_id, clinician_id, ended_on);
CREATE INDEX episode_clinic ON episode (org_id, clinic_id, ended_on);

CREATE TABLE care_session (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  external_id TEXT NOT NULL,
  starts_at TIMESTAMP NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'attended', 'cancelled', 'missed')),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
);
CREATE INDEX care_session_episode ON care_session (org_id, episode_id, starts_at);

CREATE TABLE plan (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  instruments TEXT NOT NULL,
  cadence TEXT NOT NULL,
  anchor DATE NOT NULL,
  next_due_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, episode_id, cadence),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
);
CREATE INDEX plan_due ON plan (next_due_at);

CREATE TABLE administration (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  occasion TEXT NOT NULL,
  instruments TEXT NOT NULL,
  language TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'sent', 'opened', 'completed', 'declined', 'expired', 'cancelled')),
  due_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  opened_at TIMESTAMP,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, episode_id, occasion),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
);

CREATE INDEX administration_open ON administration (org_id, expires_at) WHERE ended_at IS NULL;

CREATE TABLE link (
  token_hash BYTEA NOT NULL PRIMARY KEY,
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  created_at TIMESTAMP NOT NULL,
  revoked_at TIMESTAMP,
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id)
);
CREATE INDEX link_administration ON link (org_id, administration_id);

CREATE TABLE response (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  administration_id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('in_progress', 'completed', 'stopped', 'entered_in_error')),
  answers TEXT NOT NULL,
  criteria TEXT NOT NULL,
  language TEXT NOT NULL,
  layout TEXT NOT NULL CHECK (layout IN ('page', 'list')),
  started_at TIMESTAMP NOT NULL,
  completed_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, administration_id, instrument),
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id),
  CHECK (state <> 'completed' OR completed_at IS NOT NULL)
);
CREATE INDEX response_episode ON response (org_id, episode_id);

CREATE TABLE score (
  org_id BYTEA NOT NULL,
  response_id BYTEA NOT NULL,
  scale TEXT NOT NULL,
  revision INTEGER NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  value DOUBLE PRECISION,
  reason TEXT,
  band TEXT,
  answered INTEGER NOT NULL,
  items INTEGER NOT NULL,
  prorated INTEGER NOT NULL,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, response_id, scale, revision),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  CHECK ((value IS NULL) <> (reason IS NULL))
);

CREATE TABLE episode_scale (
  org_id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  instrument TEXT NOT NULL,
  scale TEXT NOT NULL,
  version TEXT NOT NULL,
  n INTEGER NOT NULL,
  first_value DOUBLE PRECISION NOT NULL,
  first_at TIMESTAMP NOT NULL,
  last_value DOUBLE PRECISION NOT NULL,
  last_at TIMESTAMP NOT NULL,
  last_band TEXT,
  best_value DOUBLE PRECISION NOT NULL,
  best_at TIMESTAMP NOT NULL,
  recent TEXT NOT NULL,
  PRIMARY KEY (org_id, episode_id, instrument, scale),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
);

CREATE TABLE flag (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  clinic_id BYTEA NOT NULL,
  response_id BYTEA NOT NULL,
  rule TEXT NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  tier TEXT NOT NULL CHECK (tier IN ('crisis', 'review')),
  item TEXT NOT NULL,
  answer INTEGER NOT NULL,
  answer_words TEXT NOT NULL,
  owner_id BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
  raised_at TIMESTAMP NOT NULL,
  next_deadline_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, response_id, rule, answer),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  FOREIGN KEY (org_id, owner_id) REFERENCES staff (org_id, id),
  CHECK ((state = 'closed') = (next_deadline_at IS NULL))
);
CREATE INDEX flag_state ON flag (org_id, state, next_deadline_at);
CREATE INDEX flag_patient ON flag (org_id, patient_id);

CREATE TABLE flag_act (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  flag_id BYTEA NOT NULL,
  act TEXT NOT NULL CHECK (act IN ('raised', 'answer_changed', 'notified', 'acknowledged', 'closed')),
  staff_id BYTEA,
  at TIMESTAMP NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id)
);
CREATE INDEX flag_act_flag ON flag_act (org_id, flag_id);

CREATE TABLE outbox (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('invitation', 'flag_notice', 'staff_setup')),
  subject_id BYTEA NOT NULL,
  recipient_id BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'withdrawn')),
  not_before TIMESTAMP NOT NULL,
  attempts INTEGER NOT NULL,
  lease_until TIMESTAMP,
  fence INTEGER NOT NULL,
  last_error TEXT,
  created_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX outbox_due ON outbox (state, not_before);
CREATE INDEX outbox_subject ON outbox (org_id, subject_id);

CREATE TABLE task (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('mail_refused', 'not_for_me', 'no_address', 'nobody_licensed')),
  clinic_id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  detail TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  done_at TIMESTAMP,
  done_by BYTEA,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX task_open ON task (org_id, done_at);

CREATE TABLE audit_event (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  at TIMESTAMP NOT NULL,
  actor TEXT NOT NULL,
  actor_id BYTEA,
  act TEXT NOT NULL,
  subject TEXT NOT NULL,
  subject_id BYTEA,
  outcome TEXT NOT NULL,
  mac BYTEA NOT NULL,
  PRIMARY KEY (org_id, id)
);

CREATE TABLE audit_seal (
  org_id BYTEA NOT NULL,
  number BIGINT NOT NULL,
  up_to BYTEA NOT NULL,
  events BIGINT NOT NULL,
  digest BYTEA NOT NULL,
  PRIMARY KEY (org_id, number)
);

CREATE TABLE heartbeat (
  worker TEXT NOT NULL PRIMARY KEY,
  at TIMESTAMP NOT NULL
);
