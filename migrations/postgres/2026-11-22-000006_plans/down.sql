DROP INDEX program_plan_program;
DROP INDEX occasion_form;
ALTER TABLE plan DROP COLUMN awaits_at;
