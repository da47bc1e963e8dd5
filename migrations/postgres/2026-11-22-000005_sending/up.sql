-- Sending: plans with a core and supplements, what became of each planned occasion, windows, contact preferences, pauses, the site's rules as
-- versions, and a log of every attempt to send.

-- Until now a form's time could run out in one way only; whether it was begun tells them apart.
-- finish_within_s: seconds in which a form that was begun has to be handed in. informant_id: who answers instead of the patient, a series of its
-- own. ended_why: in words for staff, where the state does not say it all.
ALTER TABLE administration DROP CONSTRAINT administration_state_check;
ALTER TABLE administration ADD CONSTRAINT administration_state_check CHECK (state IN
  ('planned', 'sent', 'opened', 'completed', 'declined', 'not_seen', 'abandoned', 'expired', 'cancelled'));
ALTER TABLE administration ADD COLUMN finish_within_s BIGINT NOT NULL DEFAULT 172800;
ALTER TABLE administration ALTER COLUMN finish_within_s DROP DEFAULT;
ALTER TABLE administration ADD COLUMN informant_id BYTEA;
ALTER TABLE administration ADD COLUMN ended_why TEXT;
UPDATE administration SET state = CASE WHEN opened_at IS NULL THEN 'not_seen' ELSE 'abandoned' END WHERE state = 'expired';

-- Several plans of an episode may keep the same rhythm: a core battery and its supplements.
-- position: among supplements, what is dropped last when the burden grows too large stands first. step: what a score of this plan opens,
-- `phq2.total>=3:phq9`. program_plan_id: the program's plan it was made from, if any.
ALTER TABLE plan DROP CONSTRAINT plan_org_id_episode_id_cadence_key;
ALTER TABLE plan ADD COLUMN role TEXT NOT NULL DEFAULT 'core' CHECK (role IN ('core', 'supplement'));
ALTER TABLE plan ALTER COLUMN role DROP DEFAULT;
ALTER TABLE plan ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan ALTER COLUMN position DROP DEFAULT;
ALTER TABLE plan ADD COLUMN step TEXT;
ALTER TABLE plan ADD COLUMN program_plan_id BYTEA;
ALTER TABLE plan ADD COLUMN ended_at TIMESTAMP;
CREATE INDEX plan_episode ON plan (org_id, episode_id);

CREATE TABLE program_plan (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  program_id BYTEA NOT NULL,
  instruments TEXT NOT NULL,
  cadence TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('core', 'supplement')),
  position INTEGER NOT NULL,
  step TEXT,
  ended_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, program_id) REFERENCES program (org_id, id)
);

-- Each occasion that fell due, once a plan, with what became of it: nothing is left out in silence.
CREATE TABLE occasion (
  org_id BYTEA NOT NULL,
  plan_id BYTEA NOT NULL,
  name TEXT NOT NULL,
  due_at TIMESTAMP NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('asked', 'dropped', 'skipped')),
  administration_id BYTEA,
  why TEXT,
  made_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, plan_id, name),
  FOREIGN KEY (org_id, plan_id) REFERENCES plan (org_id, id),
  CHECK ((outcome = 'asked') = (administration_id IS NOT NULL)),
  CHECK ((outcome = 'asked') = (why IS NULL))
);
INSERT INTO occasion (org_id, plan_id, name, due_at, outcome, administration_id, made_at)
  SELECT p.org_id, p.id, a.occasion, a.due_at, 'asked', a.id, a.due_at
  FROM plan p JOIN administration a ON a.org_id = p.org_id AND a.episode_id = p.episode_id
  WHERE (p.cadence LIKE 'every_weeks:%' AND a.occasion LIKE 'weeks %') OR (p.cadence LIKE 'before_session:%' AND a.occasion LIKE 'session %');

-- lane: notices never stand behind mails, mails never behind texts. number: which reminder it is, from 1; 0 for everything else.
-- last_error: what the last attempt ended with; why a message was held or withdrawn.
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_kind_check CHECK (kind IN ('invitation', 'reminder', 'flag_notice', 'staff_setup'));
ALTER TABLE outbox DROP CONSTRAINT outbox_state_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_state_check CHECK (state IN ('queued', 'accepted', 'refused', 'bounced', 'unknown', 'withdrawn'));
ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT 'mails' CHECK (lane IN ('notices', 'mails', 'texts'));
ALTER TABLE outbox ALTER COLUMN lane DROP DEFAULT;
ALTER TABLE outbox ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ALTER COLUMN number DROP DEFAULT;
UPDATE outbox SET lane = 'notices' WHERE kind = 'flag_notice';
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (lane, not_before) WHERE ended_at IS NULL;

-- detail: what the relay, the gateway or our own rule said; never an address, never an answer.
CREATE TABLE send_attempt (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  outbox_id BYTEA NOT NULL,
  at TIMESTAMP NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'deferred', 'refused', 'unknown', 'bounced', 'held', 'withdrawn')),
  detail TEXT NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX send_attempt_outbox ON send_attempt (org_id, outbox_id);

-- How a patient may be reached. No row: by mail, at the site's hours. safe_from, safe_until: minutes after local midnight between which a message
-- is safe, both or neither. note: for staff, beside the button. opted_out_at: asked for no messages at all.
CREATE TABLE contact_preference (
  org_id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('mail', 'text', 'none')),
  phone TEXT,
  phone_refused_at TIMESTAMP,
  safe_from INTEGER,
  safe_until INTEGER,
  note TEXT NOT NULL,
  birth_year INTEGER,
  reminders_stopped_at TIMESTAMP,
  texts_stopped_at TIMESTAMP,
  opted_out_at TIMESTAMP,
  changed_at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, patient_id),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id),
  CHECK ((safe_from IS NULL) = (safe_until IS NULL))
);

-- Nothing leaves while a pause holds; what falls due meanwhile is skipped and says so.
CREATE TABLE pause (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  scope TEXT NOT NULL CHECK (scope IN ('site', 'program', 'patient')),
  subject_id BYTEA,
  reason TEXT NOT NULL,
  from_at TIMESTAMP NOT NULL,
  until_at TIMESTAMP,
  paused_by BYTEA,
  ended_at TIMESTAMP,
  ended_by BYTEA,
  PRIMARY KEY (org_id, id),
  CHECK ((scope = 'site') = (subject_id IS NULL))
);

-- The site's own rules as data: the newest version of a kind holds, older ones stay readable.
CREATE TABLE policy (
  org_id BYTEA NOT NULL REFERENCES organisation (id),
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  made_at TIMESTAMP NOT NULL,
  made_by BYTEA,
  PRIMARY KEY (org_id, kind, version)
);

-- What a task may ask for is said in one place, the program.
ALTER TABLE task DROP CONSTRAINT task_kind_check;
