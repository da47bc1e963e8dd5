DROP INDEX administration_missed;
CREATE INDEX administration_missed ON administration (org_id, ended_at) WHERE state IN ('declined', 'not_seen', 'abandoned', 'expired');
CREATE INDEX administration_waiting ON administration (org_id, patient_id) WHERE ended_at IS NULL;
DELETE FROM sqlite_stat1 WHERE idx = 'administration_missed';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_missed', '100000 100000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('administration', 'administration_waiting', '1000000 1000000 10');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (state = ''planned'' OR state = ''sent'' OR state = ''opened'' OR state = ''completed'' OR state = ''declined'' OR state = ''not_seen'' OR state = ''abandoned'' OR state = ''expired'' OR state = ''cancelled'')',
  'CHECK (state IN
    (''planned'', ''sent'', ''opened'', ''completed'', ''declined'', ''not_seen'', ''abandoned'', ''expired'', ''cancelled''))')
  WHERE type = 'table' AND name = 'administration';
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (state = ''in_progress'' OR state = ''completed'' OR state = ''stopped'' OR state = ''entered_in_error'')',
  'CHECK (state IN (''in_progress'', ''completed'', ''stopped'', ''entered_in_error''))')
  WHERE type = 'table' AND name = 'response';
PRAGMA writable_schema = RESET;
