DROP INDEX administration_missed;
CREATE INDEX administration_missed ON administration (org_id, ended_at) WHERE state IN ('declined', 'not_seen', 'abandoned', 'expired');
CREATE INDEX administration_waiting ON administration (org_id, patient_id) WHERE ended_at IS NULL;
