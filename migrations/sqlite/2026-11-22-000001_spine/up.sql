-- The spine: people, care, administrations, responses, flags, messages, audit.
-- Ids are UUIDv7 in 16 bytes; instants are UTC. Every table that grows has its organisation's id first in its key.
-- The front doors (link, setup_link, sign_in) are keyed by the hash of what a visitor holds: it tells the organisation.

CREATE TABLE organisation (
  id BLOB NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  crisis_line TEXT,
  reading_promise TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE TABLE clinic (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
) WITHOUT ROWID;

CREATE TABLE program (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
  external_id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id)
) WITHOUT ROWID;

CREATE TABLE staff (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('therapist', 'supervisor', 'quality', 'administrator')),
  licence TEXT,
  state TEXT NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
  password_hash TEXT,
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;

CREATE TABLE staff_clinic (
  org_id BLOB NOT NULL,
  staff_id BLOB NOT NULL,
  clinic_id BLOB NOT NULL,
  PRIMARY KEY (org_id, staff_id, clinic_id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id),
  FOREIGN KEY (org_id, clinic_id) REFERENCES clinic (org_id, id)
) WITHOUT ROWID;

CREATE TABLE sign_in (
  secret_hash BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL,
  staff_id BLOB NOT NULL,
  created_at TIMESTAMP NOT NULL,
  seen_at TIMESTAMP NOT NULL,
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id)
) WITHOUT ROWID;
CREATE INDEX sign_in_staff ON sign_in (org_id, staff_id);

CREATE TABLE setup_link (
  secret_hash BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL REFERENCES organisation (id),
  staff_id BLOB,
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
) WITHOUT ROWID;

CREATE TABLE patient (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  id BLOB NOT NULL,
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
) WITHOUT ROWID;

CREATE TABLE episode (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  clinic_id BLOB NOT NULL,
  program_id BLOB NOT NULL,
  clinician_id BLOB NOT NULL,
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
) WITHOUT ROWID;
CREATE INDEX episode_clinician ON episode (org_id, clinician_id, ended_on);
CREATE INDEX episode_clinic ON episode (org_id, clinic_id, ended_on);

CREATE TABLE care_session (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  external_id TEXT NOT NULL,
  starts_at TIMESTAMP NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'attended', 'cancelled', 'missed')),
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, external_id),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
) WITHOUT ROWID;
CREATE INDEX care_session_episode ON care_session (org_id, episode_id, starts_at);

CREATE TABLE plan (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  instruments TEXT NOT NULL,
  cadence TEXT NOT NULL,
  anchor DATE NOT NULL,
  next_due_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, episode_id, cadence),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
) WITHOUT ROWID;
CREATE INDEX plan_due ON plan (next_due_at);

CREATE TABLE administration (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
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
) WITHOUT ROWID;

CREATE INDEX administration_open ON administration (org_id, expires_at) WHERE ended_at IS NULL;

CREATE TABLE link (
  token_hash BLOB NOT NULL PRIMARY KEY,
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  administration_id BLOB NOT NULL,
  created_at TIMESTAMP NOT NULL,
  revoked_at TIMESTAMP,
  FOREIGN KEY (org_id, administration_id) REFERENCES administration (org_id, id)
) WITHOUT ROWID;
CREATE INDEX link_administration ON link (org_id, administration_id);

CREATE TABLE response (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  administration_id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
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
) WITHOUT ROWID;
CREATE INDEX response_episode ON response (org_id, episode_id);

CREATE TABLE score (
  org_id BLOB NOT NULL,
  response_id BLOB NOT NULL,
  scale TEXT NOT NULL,
  revision INTEGER NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  value DOUBLE,
  reason TEXT,
  band TEXT,
  answered INTEGER NOT NULL,
  items INTEGER NOT NULL,
  prorated INTEGER NOT NULL,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, response_id, scale, revision),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  CHECK ((value IS NULL) <> (reason IS NULL))
) WITHOUT ROWID;

CREATE TABLE episode_scale (
  org_id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  instrument TEXT NOT NULL,
  scale TEXT NOT NULL,
  version TEXT NOT NULL,
  n INTEGER NOT NULL,
  first_value DOUBLE NOT NULL,
  first_at TIMESTAMP NOT NULL,
  last_value DOUBLE NOT NULL,
  last_at TIMESTAMP NOT NULL,
  last_band TEXT,
  best_value DOUBLE NOT NULL,
  best_at TIMESTAMP NOT NULL,
  recent TEXT NOT NULL,
  PRIMARY KEY (org_id, episode_id, instrument, scale),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
) WITHOUT ROWID;

CREATE TABLE flag (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  clinic_id BLOB NOT NULL,
  response_id BLOB NOT NULL,
  rule TEXT NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  tier TEXT NOT NULL CHECK (tier IN ('crisis', 'review')),
  item TEXT NOT NULL,
  answer INTEGER NOT NULL,
  answer_words TEXT NOT NULL,
  owner_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
  raised_at TIMESTAMP NOT NULL,
  next_deadline_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, response_id, rule, answer),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  FOREIGN KEY (org_id, owner_id) REFERENCES staff (org_id, id),
  CHECK ((state = 'closed') = (next_deadline_at IS NULL))
) WITHOUT ROWID;
CREATE INDEX flag_state ON flag (org_id, state, next_deadline_at);
CREATE INDEX flag_patient ON flag (org_id, patient_id);

CREATE TABLE flag_act (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  flag_id BLOB NOT NULL,
  act TEXT NOT NULL CHECK (act IN ('raised', 'answer_changed', 'notified', 'acknowledged', 'closed')),
  staff_id BLOB,
  at TIMESTAMP NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id)
) WITHOUT ROWID;
CREATE INDEX flag_act_flag ON flag_act (org_id, flag_id);

CREATE TABLE outbox (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('invitation', 'flag_notice', 'staff_setup')),
  subject_id BLOB NOT NULL,
  recipient_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'withdrawn')),
  not_before TIMESTAMP NOT NULL,
  attempts INTEGER NOT NULL,
  lease_until TIMESTAMP,
  fence INTEGER NOT NULL,
  last_error TEXT,
  created_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (state, not_before);
CREATE INDEX outbox_subject ON outbox (org_id, subject_id);

CREATE TABLE task (
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
CREATE INDEX task_open ON task (org_id, done_at);

CREATE TABLE audit_event (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  at TIMESTAMP NOT NULL,
  actor TEXT NOT NULL,
  actor_id BLOB,
  act TEXT NOT NULL,
  subject TEXT NOT NULL,
  subject_id BLOB,
  outcome TEXT NOT NULL,
  mac BLOB NOT NULL,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;

CREATE TABLE audit_seal (
  org_id BLOB NOT NULL,
  number BIGINT NOT NULL,
  up_to BLOB NOT NULL,
  events BIGINT NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (org_id, number)
) WITHOUT ROWID;

CREATE TABLE heartbeat (
  worker TEXT NOT NULL PRIMARY KEY,
  at TIMESTAMP NOT NULL
) WITHOUT ROWID;

-- SQLite's planner believes, without statistics, that an organisation's id selects a handful of rows, and walks whole organisations
-- instead of using an index. These fixed statistics say what is true of every site: the organisation selects everything, the rest little.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'sqlite_autoindex_administration_2', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_open', '10000 10000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_event', 'audit_event', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_seal', 'audit_seal', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('care_session', 'care_session', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('care_session', 'care_session_episode', '1000000 1000000 10 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('care_session', 'sqlite_autoindex_care_session_2', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('clinic', 'clinic', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('clinic', 'sqlite_autoindex_clinic_2', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('episode', 'episode', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('episode', 'episode_clinic', '1000000 1000000 10 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('episode', 'episode_clinician', '1000000 1000000 10 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('episode', 'sqlite_autoindex_episode_2', '1000000 1000000 10 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('episode_scale', 'episode_scale', '1000000 1000000 10 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_patient', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_state', '1000000 1000000 10 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'sqlite_autoindex_flag_2', '1000000 1000000 10 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_act', 'flag_act', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_act', 'flag_act_flag', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('heartbeat', 'heartbeat', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('link', 'link', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('link', 'link_administration', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('organisation', 'organisation', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_due', '1000000 1000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_subject', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('patient', 'patient', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('patient', 'sqlite_autoindex_patient_2', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'plan', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'plan_due', '1000000 1000');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'sqlite_autoindex_plan_2', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('program', 'program', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('program', 'sqlite_autoindex_program_2', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'response', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'response_episode', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'sqlite_autoindex_response_2', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('score', 'score', '1000000 1000000 10 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('setup_link', 'setup_link', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sign_in', 'sign_in', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('sign_in', 'sign_in_staff', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('staff', 'sqlite_autoindex_staff_1', '1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('staff', 'staff', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('staff_clinic', 'staff_clinic', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task_open', '1000000 1000000 10');
