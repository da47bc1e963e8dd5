-- Safety: every answer that a rule names as a row of its own, grouped into flags; by when a person must act, apart from when the program looks next; the documented
-- assessment that closes a flag; known levels; signals of the lower tier with the decision they ended in.

-- SQLite cannot change a check or drop a constraint: tables are made anew, and references are checked at the end of the transaction.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE flag_kept AS SELECT * FROM flag;
CREATE TABLE flag_act_kept AS SELECT * FROM flag_act;
DROP TABLE flag_act;
DROP TABLE flag;
CREATE TABLE flag (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  clinic_id BLOB NOT NULL,
  -- The response that raised it; none when words came outside a form.
  response_id BLOB,
  -- Who answered in the patient's place.
  informant_id BLOB,
  rule TEXT NOT NULL,
  instrument TEXT NOT NULL,
  version TEXT NOT NULL,
  -- Version of the site's safety policy that held; 0: as shipped.
  policy INTEGER NOT NULL,
  tier TEXT NOT NULL CHECK (tier IN ('crisis', 'review')),
  item TEXT NOT NULL,
  -- The highest answer that belongs to it, and the patient's words or the answer's.
  answer INTEGER NOT NULL,
  answer_words TEXT NOT NULL,
  -- How many answers belong to it, and when the newest was given.
  answers INTEGER NOT NULL,
  last_at TIMESTAMP NOT NULL,
  owner_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
  raised_at TIMESTAMP NOT NULL,
  acknowledged_at TIMESTAMP,
  closed_at TIMESTAMP,
  -- By when a person must act next; when the program looks next.
  due_at TIMESTAMP,
  next_step_at TIMESTAMP,
  -- When it is looked whether the form was left after this answer; that it was.
  finish_by TIMESTAMP,
  unfinished_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, response_id) REFERENCES response (org_id, id),
  FOREIGN KEY (org_id, owner_id) REFERENCES staff (org_id, id),
  CHECK ((state = 'closed') = (next_step_at IS NULL)),
  CHECK ((state = 'closed') = (due_at IS NULL))
) WITHOUT ROWID;
CREATE TABLE flag_act (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  flag_id BLOB NOT NULL,
  act TEXT NOT NULL,
  staff_id BLOB,
  at TIMESTAMP NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id)
) WITHOUT ROWID;
INSERT INTO flag (org_id, id, patient_id, episode_id, clinic_id, response_id, informant_id, rule, instrument, version, policy, tier, item, answer,
    answer_words, answers, last_at, owner_id, state, raised_at, acknowledged_at, closed_at, due_at, next_step_at, finish_by, unfinished_at)
  SELECT f.org_id, f.id, f.patient_id, f.episode_id, f.clinic_id, f.response_id, a.informant_id, f.rule, f.instrument, f.version, 0, f.tier, f.item,
    f.answer, f.answer_words, 1, f.raised_at, f.owner_id, f.state, f.raised_at,
    (SELECT MIN(d.at) FROM flag_act_kept d WHERE d.org_id = f.org_id AND d.flag_id = f.id AND d.act = 'acknowledged'),
    (SELECT MIN(d.at) FROM flag_act_kept d WHERE d.org_id = f.org_id AND d.flag_id = f.id AND d.act = 'closed'),
    f.next_deadline_at, f.next_deadline_at, NULL, NULL
  FROM flag_kept f
  JOIN response r ON r.org_id = f.org_id AND r.id = f.response_id
  JOIN administration a ON a.org_id = r.org_id AND a.id = r.administration_id;
INSERT INTO flag_act SELECT * FROM flag_act_kept;
DROP TABLE flag_act_kept;
CREATE INDEX flag_step ON flag (org_id, next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX flag_closed ON flag (org_id, closed_at);
CREATE INDEX flag_raised ON flag (org_id, raised_at);
CREATE INDEX flag_patient ON flag (org_id, patient_id);
CREATE INDEX flag_waiting ON flag (org_id, episode_id) WHERE next_step_at IS NOT NULL;
CREATE INDEX flag_finish ON flag (org_id, finish_by) WHERE finish_by IS NOT NULL;
CREATE INDEX flag_act_flag ON flag_act (org_id, flag_id);

-- Every answer that a rule names: it raised a flag, joined one that waited, or raised one again.
CREATE TABLE flag_answer (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  flag_id BLOB NOT NULL,
  response_id BLOB,
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
) WITHOUT ROWID;
INSERT INTO flag_answer (org_id, id, flag_id, response_id, rule, instrument, version, item, answer, answer_words, how, at)
  SELECT org_id, id, id, response_id, rule, instrument, version, item, answer, answer_words, 'raised', raised_at FROM flag_kept;
DROP TABLE flag_kept;
CREATE INDEX flag_answer_flag ON flag_answer (org_id, flag_id);
CREATE INDEX flag_answer_at ON flag_answer (org_id, at);

-- The documented assessment with which a licensed person closed a flag.
CREATE TABLE closing (
  org_id BLOB NOT NULL,
  flag_id BLOB NOT NULL,
  staff_id BLOB NOT NULL,
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
) WITHOUT ROWID;

-- Up to which answer a licensed person knows a patient's answers to one rule, and until when. It lowers the tier of a flag, never whether there is one.
CREATE TABLE known_level (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  instrument TEXT NOT NULL,
  rule TEXT NOT NULL,
  up_to INTEGER NOT NULL,
  until_on DATE NOT NULL,
  reason TEXT NOT NULL,
  set_by BLOB NOT NULL,
  set_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  ended_by BLOB,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, patient_id) REFERENCES patient (org_id, id),
  FOREIGN KEY (org_id, set_by) REFERENCES staff (org_id, id)
) WITHOUT ROWID;
CREATE INDEX known_level_patient ON known_level (org_id, patient_id) WHERE ended_at IS NULL;

-- Signals of the lower tier: what scores and silence say. Each ends in a licensed person's choice and reason.
CREATE TABLE signal (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  patient_id BLOB NOT NULL,
  episode_id BLOB NOT NULL,
  clinic_id BLOB NOT NULL,
  owner_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  -- Empty where it is about no instrument.
  instrument TEXT NOT NULL,
  scale TEXT NOT NULL,
  version TEXT NOT NULL,
  response_id BLOB,
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
  decided_by BLOB,
  decided_at TIMESTAMP,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, episode_id) REFERENCES episode (org_id, id),
  FOREIGN KEY (org_id, owner_id) REFERENCES staff (org_id, id),
  CHECK ((state = 'decided') = (decided_at IS NOT NULL)),
  CHECK ((state = 'decided') = (due_at IS NULL))
) WITHOUT ROWID;
-- One open signal of a kind: what comes again is counted on it.
CREATE UNIQUE INDEX signal_open ON signal (org_id, episode_id, kind, instrument, scale) WHERE due_at IS NOT NULL;
CREATE INDEX signal_due ON signal (org_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX signal_decided ON signal (org_id, decided_at);
CREATE INDEX signal_patient ON signal (org_id, patient_id);

-- New kinds of messages: what kinds there are is the program's business.
CREATE TABLE outbox_kept AS SELECT * FROM outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
  org_id BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  subject_id BLOB NOT NULL,
  recipient_id BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'refused', 'bounced', 'unknown', 'withdrawn')),
  not_before TIMESTAMP NOT NULL,
  attempts INTEGER NOT NULL,
  lease_until TIMESTAMP,
  fence INTEGER NOT NULL,
  last_error TEXT,
  created_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  lane TEXT NOT NULL CHECK (lane IN ('notices', 'mails', 'texts')),
  number INTEGER NOT NULL,
  PRIMARY KEY (org_id, id)
) WITHOUT ROWID;
INSERT INTO outbox SELECT * FROM outbox_kept;
DROP TABLE outbox_kept;
CREATE INDEX outbox_due ON outbox (lane, not_before) WHERE ended_at IS NULL;
CREATE INDEX outbox_subject ON outbox (org_id, subject_id);

-- As in the first migration.
DELETE FROM sqlite_stat1 WHERE tbl IN ('flag', 'flag_act', 'outbox');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_step', '10000 10000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_closed', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_raised', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_patient', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_waiting', '10000 10000 2');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_finish', '1000 1000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_act', 'flag_act', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_act', 'flag_act_flag', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_answer', 'flag_answer', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_answer', 'sqlite_autoindex_flag_answer_2', '1000000 1000000 10 10 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_answer', 'flag_answer_flag', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_answer', 'flag_answer_at', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('closing', 'closing', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('known_level', 'known_level', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('known_level', 'known_level_patient', '10000 10000 2');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signal', 'signal', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signal', 'signal_open', '10000 10000 2 2 2 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signal', 'signal_due', '10000 10000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signal', 'signal_decided', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('signal', 'signal_patient', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox', '1000000 1000000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_due', '10000 1000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('outbox', 'outbox_subject', '1000000 1000000 10');
