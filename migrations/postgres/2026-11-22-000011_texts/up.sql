-- Whoever writes to our number is found by theirs.
CREATE INDEX contact_preference_phone ON contact_preference (org_id, phone);
