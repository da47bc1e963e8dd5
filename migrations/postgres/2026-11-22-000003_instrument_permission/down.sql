DELETE FROM task WHERE kind = 'no_permission';
ALTER TABLE task DROP CONSTRAINT task_kind_check;
ALTER TABLE task ADD CONSTRAINT task_kind_check CHECK (kind IN ('mail_refused', 'not_for_me', 'no_address', 'nobody_licensed'));
DROP TABLE rescored;
DROP TABLE rescore;
DROP TABLE instrument_permission;
