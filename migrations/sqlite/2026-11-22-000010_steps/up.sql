-- Stepped plans: what a score of this occasion opens, copied from its plan when it is made, and which answers of an opened form were given on the
-- form before it. And what the pages about sending look things up by.

ALTER TABLE administration ADD COLUMN step TEXT;
-- Printed item numbers; nobody is asked these again.
ALTER TABLE response ADD COLUMN carried TEXT;

CREATE INDEX send_attempt_at ON send_attempt (org_id, at);
CREATE INDEX administration_due ON administration (org_id, due_at);
-- What was answered is not in it: handing in costs nothing more.
CREATE INDEX administration_missed ON administration (org_id, ended_at) WHERE state IN ('declined', 'not_seen', 'abandoned', 'expired');

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('send_attempt', 'send_attempt_at', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_due', '1000000 1000000 100');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_missed', '100000 100000 10');
