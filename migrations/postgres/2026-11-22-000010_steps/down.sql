DROP INDEX administration_missed;
DROP INDEX administration_due;
DROP INDEX send_attempt_at;
ALTER TABLE response DROP COLUMN carried;
ALTER TABLE administration DROP COLUMN step;
