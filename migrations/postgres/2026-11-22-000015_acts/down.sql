ALTER TABLE closing DROP COLUMN choice;
ALTER TABLE closing DROP COLUMN contact_note;
