-- A plan that waits for a better hour is looked at later than its occasion fell due; what it waits for must not be lost.

ALTER TABLE plan ADD COLUMN awaits_at TIMESTAMP;
UPDATE plan SET awaits_at = next_due_at;

CREATE INDEX occasion_form ON occasion (org_id, administration_id) WHERE administration_id IS NOT NULL;
CREATE INDEX program_plan_program ON program_plan (org_id, program_id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('occasion', 'occasion_form', '1000000 1000000 2');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('program_plan', 'program_plan_program', '1000000 1000000 10');
