-- What the crank of safety keeps: on which days the digest left, who wants none, and a way to find what is past its time.

-- One row a day on which the digests were written, so that they are written once.
CREATE TABLE digest_day (
  org_id BYTEA NOT NULL,
  on_day DATE NOT NULL,
  made_at TIMESTAMP NOT NULL,
  mails INTEGER NOT NULL,
  PRIMARY KEY (org_id, on_day)
);

-- Whoever switched their own digest off.
CREATE TABLE digest_off (
  org_id BYTEA NOT NULL,
  staff_id BYTEA NOT NULL,
  since TIMESTAMP NOT NULL,
  PRIMARY KEY (org_id, staff_id),
  FOREIGN KEY (org_id, staff_id) REFERENCES staff (org_id, id)
);

CREATE INDEX flag_due ON flag (org_id, due_at) WHERE due_at IS NOT NULL;
