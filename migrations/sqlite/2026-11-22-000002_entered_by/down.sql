ALTER TABLE score DROP COLUMN out_of;
ALTER TABLE score DROP COLUMN standard_error;
ALTER TABLE score DROP COLUMN raw;
ALTER TABLE score DROP COLUMN scheme;
ALTER TABLE response DROP COLUMN entered_by;
