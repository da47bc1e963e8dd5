ALTER TABLE organisation DROP COLUMN shown_by;
