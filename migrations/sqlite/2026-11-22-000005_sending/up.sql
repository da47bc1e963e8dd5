-- Sending: plans with a core and supplements, what became of each planned occasion, windows, contact preferences, pauses, the site's rules as
-- versions, and a log of every attempt to send.

-- SQLite cannot change a check or drop a constraint: tables are made anew. Links and responses point at administrations; the check of that
-- waits for the end of the transaction.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE administration_kept AS SELECT * FROM administration;
DROP TABLE administration;
CREATE TABLE administration (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  occasion TEXT NOT NULL,
  instruments TEXT NOT NULL,
  language TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN
    ('planned', 'sent', 'opened', 'completed', 'declined', 'not_seen', 'abandoned', 'expired', 'cancelled')),
  due_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  opened_at TIMESTAMP,
  ended_at TIMESTAMP,
  -- Seconds in which a form that was begun has to be handed in.
  finish_within_s BIGINT NOT NULL,
  -- Who answers instead of the patient: a series of its own.
  informant_id BLOB,
  -- Why it ended, in words for staff, where the state does not say it all.
  ended_why TEXT,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, episode_id, occasion),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
) WITHOUT ROWID;
-- Until now a form's time could run out in one way only; whether it was begun tells them apart.
INSERT INTO administration (org_id, id, episode_id, patient_id, occasion, instruments, language, state, due_at, expires_at, opened_at, ended_at,
    finish_within_s)
  SELECT org_id, id, episode_id, patient_id, occasion, instruments, language,
    CASE WHEN state <> 'expired' THEN state WHEN opened_at IS NULL THEN 'not_seen' ELSE 'abandoned' END,
    due_at, expires_at, opened_at, ended_at, 172800
  FROM administration_kept;
DROP TABLE administration_kept;
CREATE INDEX administration_open ON administration (org_id, expires_at) WHERE ended_at IS NULL;

-- Several plans of an episode may keep the same rhythm: a core battery and its supplements.
CREATE TABLE plan_kept AS SELECT * FROM plan;
DROP TABLE plan;
CREATE TABLE plan (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  instruments TEXT NOT NULL,
  cadence TEXT NOT NULL,
  anchor DATE NOT NULL,
  next_due_at TIMESTAMP,
  role TEXT NOT NULL CHECK (role IN ('core', 'supplement')),
  -- Among supplements: what is dropped last when the burden grows too large stands first.
  position INTEGER NOT NULL,
  -- What a score of this plan opens: `phq2.total>=3:phq9`.
  step TEXT,
  -- The program's plan it was made from, if any.
  program_plan_id BLOB,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id)
) WITHOUT ROWID;
INSERT INTO plan (org_id, id, episode_id, instruments, cadence, anchor, next_due_at, role, position)
  SELECT org_id, id, episode_id, instruments, cadence, anchor, next_due_at, 'core', 0 FROM plan_kept;
DROP TABLE plan_kept;
CREATE INDEX plan_due ON plan (next_due_at);
CREATE INDEX plan_episode ON plan (org_id, episode_id);

CREATE TABLE program_plan (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  program_id BLOB NOT NULL,
  instruments TEXT NOT NULL,
  cadence TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('core', 'supplement')),
  position INTEGER NOT NULL,
  step TEXT,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, program_id) REFERENCES program (org_id, id)
) WITHOUT ROWID;

-- Each occasion that fell due, once a plan, with what became of it: nothing is left out in silence.
CREATE TABLE occasion (
  org_id BLOB NOT NULL,
  plan_id BLOB NOT NULL,
  name TEXT NOT NULL,
  due_at TIMESTAMP NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('asked', 'dropped', 'skipped')),
  administration_id BLOB,
  why TEXT,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, plan_id, name),
  FOREIGN KEY (org_id, plan_id) REFERENCES plan (org_id, id),
  CHECK ((outcome = 'asked') = (administration_id IS NOT NULL)),
  CHECK ((outcome = 'asked') = (why IS NULL))
) WITHOUT ROWID;
INSERT INTO occasion (org_id, plan_id, name, due_at, outcome, administration_id, made_at)
  SELECT p.org_id, p.id, a.occasion, a.due_at, 'asked', a.id, a.due_at
  FROM plan p JOIN administration a ON a.org_id = p.org_id AND a.episode_id = p.episode_id
  WHERE (p.cadence LIKE 'every_weeks:%' AND a.occasion LIKE 'weeks %') OR (p.cadence LIKE 'before_session:%' AND a.occasion LIKE 'session %');

CREATE TABLE outbox_kept AS SELECT * FROM outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('invitation', 'reminder', 'flag_notice', 'staff_setup')),
  subject_id BLOB NOT NULL,
  recipient_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'bounced', 'unknown', 'withdrawn')),
  not_before TIMESTAMP NOT NULL,
  attempts INTEGER NOT NULL,
  lease_until TIMESTAMP,
  fence INTEGER NOT NULL,
  -- What the last attempt ended with; why a message was held or withdrawn.
  last_error TEXT,
  created_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  -- Notices never stand behind mails, mails never behind texts.
  lane TEXT NOT NULL CHECK (lane IN ('notices', 'mails', 'texts')),
  -- Which reminder it is, from 1; 0 for everything else.
  number INTEGER NOT NULL,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
INSERT INTO outbox (org_id, id, kind, subject_id, recipient_id, state, not_before, attempts, lease_until, fence, last_error, created_at, ended_at,
    lane, number)
  SELECT org_id, id, kind, subject_id, recipient_id, state, not_before, attempts, lease_until, fence, last_error, created_at, ended_at,
    CASE kind WHEN 'flag_notice' THEN 'notices' ELSE 'mails' END, 0
  FROM outbox_kept;
DROP TABLE outbox_kept;
CREATE INDEX outbox_due ON outbox (lane, not_before) WHERE ended_at IS NULL;
CREATE INDEX outbox_subject ON outbox (org_id, subject_id);

CREATE TABLE send_attempt (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  outbox_id BLOB NOT NULL,
  at TIMESTAMP NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'deferred', 'refused', 'unknown', 'bounced', 'held', 'withdrawn')),
  -- What the relay, the gateway or our own rule said; never an address, never an answer.
  detail TEXT NOT NULL,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
CREATE INDEX send_attempt_outbox ON send_attempt (org_id, outbox_id);

-- How a patient may be reached. No row: by mail, at the site's hours.
CREATE TABLE contact_preference (
  org_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('mail', 'text', 'none')),
  phone TEXT,
  phone_refused_at TIMESTAMP,
  -- Minutes after local midnight between which a message is safe; both or neither.
  safe_from INTEGER,
  safe_until INTEGER,
  -- For staff, beside the button: "shared mailbox", "do not leave messages".
  note TEXT NOT NULL,
  birth_year INTEGER,
  reminders_stopped_at TIMESTAMP,
  texts_stopped_at TIMESTAMP,
  -- Asked for no messages at all.
  opted_out_at TIMESTAMP,
  changed_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, patient_id),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id),
  CHECK ((safe_from IS NULL) = (safe_until IS NULL))
) WITHOUT ROWID;

-- Nothing leaves while a pause holds; what falls due meanwhile is skipped and says so.
CREATE TABLE pause (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('site', 'program', 'patient')),
  subject_id BLOB,
  reason TEXT NOT NULL,
  from_at TIMESTAMP NOT NULL,
  until_at TIMESTAMP,
  paused_by BLOB,
  ended_at TIMESTAMP,
  ended_by BLOB,
  PRIMARY KEY (org_id, id),
  CHECK ((scope = 'site') = (subject_id IS NULL))
) WITHOUT ROWID;

-- The site's own rules as data: the newest version of a kind holds, older ones stay readable.
CREATE TABLE policy (
  org_id BLOB NOT NULL REFERENCES organisation (id),
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  made_at TIMESTAMP NOT NULL,
  made_by BLOB,
  PRIMARY KEY (org_id, kind, version)
) WITHOUT ROWID;

-- What a task may ask for is said in one place, the program.
CREATE TABLE task_kept AS SELECT * FROM task;
DROP TABLE task;
CREATE TABLE task (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  clinic_id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  detail TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  done_at TIMESTAMP,
  done_by BLOB,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
INSERT INTO task (org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by)
  SELECT org_id, id, kind, clinic_id, patient_id, detail, created_at, done_at, done_by FROM task_kept;
DROP TABLE task_kept;
CREATE INDEX task_open ON task (org_id, done_at);

-- As in the first migration. Making a table anew took its rows away.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'sqlite_autoindex_administration_2', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_open', '10000 10000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'plan', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'plan_due', '1000000 1000');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('plan', 'plan_episode', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('program_plan', 'program_plan', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('occasion', 'occasion', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_due', '10000 1000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_subject', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('send_attempt', 'send_attempt', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('send_attempt', 'send_attempt_outbox', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('contact_preference', 'contact_preference', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('pause', 'pause', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('policy', 'policy', '1000000 1000000 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('task', 'task_open', '1000000 1000000 10');
