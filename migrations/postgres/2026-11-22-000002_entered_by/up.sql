-- Who of the staff entered a response (nobody: it came through the patient's link), and what a score says besides its value.
ALTER TABLE response ADD COLUMN entered_by BYTEA;
ALTER TABLE score ADD COLUMN scheme TEXT;
ALTER TABLE score ADD COLUMN raw DOUBLE PRECISION;
ALTER TABLE score ADD COLUMN standard_error DOUBLE PRECISION;
ALTER TABLE score ADD COLUMN out_of DOUBLE PRECISION;
