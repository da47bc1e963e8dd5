-- Closing: words beside how the patient was reached, and the one choice with which a flag of the lower tier is closed. A flag of the lower tier has no topics, level, contact or
-- plan: these are empty there.
ALTER TABLE closing ADD COLUMN contact_note TEXT;
ALTER TABLE closing ADD COLUMN choice TEXT;
