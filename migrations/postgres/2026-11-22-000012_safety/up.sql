-- Safety: every answer that a rule names as a row of its own, grouped into flags; by when a person must act, apart from when the program looks next; the documented
-- assessment that closes a flag; known levels; signals of the lower tier with the decision they ended in.

-- response_id: none when words came outside a form. informant_id: who answered in the patient's place. policy: version of the site's safety policy that
-- held; 0: as shipped. answers, last_at: how many answers belong to it, and when the newest was given. due_at: by when a person must act next.
-- next_step_at: when the program looks next. finish_by: when it is looked whether the form was left after this answer; unfinished_at: that it was.
ALTER TABLE flag DROP CONSTRAINT flag_org_id_response_id_rule_answer_key;
ALTER TABLE flag ALTER COLUMN response_id DROP NOT NULL;
ALTER TABLE flag RENAME COLUMN next_deadline_at TO next_step_at;
ALTER TABLE flag ADD COLUMN informant_id BYTEA;
ALTER TABLE flag ADD COLUMN policy INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flag ALTER COLUMN policy DROP DEFAULT;
ALTER TABLE flag ADD COLUMN answers INTEGER NOT NULL DEFAULT 1;
ALTER TABLE flag ALTER COLUMN answers DROP DEFAULT;
ALTER TABLE flag ADD COLUMN last_at TIMESTAMP;
ALTER TABLE flag ADD COLUMN acknowledged_at TIMESTAMP;
ALTER TABLE flag ADD COLUMN closed_at TIMESTAMP;
ALTER TABLE flag ADD COLUMN due_at TIMESTAMP;
ALTER TABLE flag ADD COLUMN finish_by TIMESTAMP;
ALTER TABLE flag ADD COLUMN unfinished_at TIMESTAMP;
UPDATE flag f SET last_at = f.raised_at, due_at = f.next_step_at,
  informant_id = (SELECT a.informant_id FROM response r JOIN administration a ON a.org_id = r.org_id AND a.id = r.administration_id
    WHERE r.org_id = f.org_id AND r.id = f.response_id),
  acknowledged_at = (SELECT MIN(d.at) FROM flag_act d WHERE d.org_id = f.org_id AND d.flag_id = f.id AND d.act = 'acknowledged'),
  closed_at = (SELECT MIN(d.at) FROM flag_act d WHERE d.org_id = f.org_id AND d.flag_id = f.id AND d.act = 'closed');
ALTER TABLE flag ALTER COLUMN last_at SET NOT NULL;
ALTER TABLE flag ADD CONSTRAINT flag_due_check CHECK ((state = 'closed') = (due_at IS NULL));
ALTER TABLE flag_act DROP CONSTRAINT flag_act_act_check;
DROP INDEX flag_state;
CREATE INDEX flag_step ON flag (org_id, next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX flag_closed ON flag (org_id, closed_at);
CREATE INDEX flag_raised ON flag (org_id, raised_at);
CREATE INDEX flag_waiting ON flag (org_id, episode_id) WHERE next_step_at IS NOT NULL;
CREATE INDEX flag_finish ON flag (org_id, finish_by) WHERE finish_by IS NOT NULL;

-- Every answer that a rule names: it raised a flag, joined one that waited, or raised one again.
CREATE TABLE flag_answer (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  flag_id BYTEA NOT NULL,
  response_id BYTEA,
  rule TEXT NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  item TEXT NOT NULL,
  answer INTEGER NOT NULL,
  answer_words TEXT NOT NULL,
  how TEXT NOT NULL CHECK (how IN ('raised', 'joined', 'rose')),
  at TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, id),
  UNIQUE (org_id, response_id, rule, answer),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id)
);
INSERT INTO flag_answer (org_id, id, flag_id, response_id, rule, instrument, version, item, answer, answer_words, how, at)
  SELECT org_id, id, id, response_id, rule, instrument, version, item, answer, answer_words, 'raised', raised_at FROM flag;
CREATE INDEX flag_answer_flag ON flag_answer (org_id, flag_id);
CREATE INDEX flag_answer_at ON flag_answer (org_id, at);

-- The documented assessment with which a licensed person closed a flag.
CREATE TABLE closing (
  org_id BYTEA NOT NULL,
  flag_id BYTEA NOT NULL,
  staff_id BYTEA NOT NULL,
  at TIMESTAMP NOT NULL,
  -- What was asked about: words of their own list, with spaces between.
  asked TEXT NOT NULL,
  level TEXT NOT NULL,
  contact TEXT NOT NULL,
  assessment TEXT NOT NULL,
  plan TEXT NOT NULL,
  next_check_on DATE,
  -- Why nothing is checked again, where nothing is.
  no_check_why TEXT,
  PRIMARY KEY (org_id, flag_id),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id)
);

-- Up to which answer a licensed person knows a patient's answers to one rule, and until when. It lowers the tier of a flag, never whether there is one.
CREATE TABLE known_level (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  instrument TEXT NOT NULL,
  rule TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  until_on DATE NOT NULL,
  reason TEXT NOT NULL,
  set_by BYTEA NOT NULL,
  set_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  ended_by BYTEA,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id),
  FOREIGN KEY (org_id, set_by) REFERENCES staff (org_id, id)
);
CREATE INDEX known_level_patient ON known_level (org_id, patient_id) WHERE ended_at IS NULL;

-- Signals of the lower tier: what scores and silence say. Each ends in a licensed person's choice and reason.
CREATE TABLE signal (
  org_id BYTEA NOT NULL,
  id BYTEA NOT NULL,
  patient_id BYTEA NOT NULL,
  episode_id BYTEA NOT NULL,
  clinic_id BYTEA NOT NULL,
  owner_id BYTEA NOT NULL,
  kind TEXT NOT NULL,
  -- Empty where it is about no instrument.
  instrument TEXT NOT NULL,
  scale TEXT NOT NULL,
  version TEXT NOT NULL,
  response_id BYTEA,
  policy INTEGER NOT NULL,
  -- The figures it rests on, as JSON.
  facts TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'decided')),
  raised_at TIMESTAMP NOT NULL,
  last_at TIMESTAMP NOT NULL,
  times INTEGER NOT NULL,
  due_at TIMESTAMP,
  choice TEXT,
  reason TEXT,
  decided_by BYTEA,
  decided_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id),
  FOREIGN KEY (org_id, owner_id) REFERENCES staff (org_id, id),
  CHECK ((state = 'decided') = (decided_at IS NOT NULL)),
  CHECK ((state = 'decided') = (due_at IS NULL))
);
-- One open signal of a kind: what comes again is counted on it.
CREATE UNIQUE INDEX signal_open ON signal (org_id, episode_id, kind, instrument, scale) WHERE due_at IS NOT NULL;
CREATE INDEX signal_due ON signal (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX signal_decided ON signal (org_id, decided_at);
CREATE INDEX signal_patient ON signal (org_id, patient_id);

-- New kinds of messages: what kinds there are is the program's business.
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check;
