-- Whoever writes to our number is found by theirs.
CREATE INDEX contact_preference_phone ON contact_preference (org_id, phone);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('contact_preference', 'contact_preference_phone', '1000000 1000000 10');
