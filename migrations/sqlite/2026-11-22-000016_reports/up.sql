-- The crisis flags that were closed before assessments had a table of their own. Filled here once and never again: whoever reads the figures can tell them from flags
-- whose assessment is missing.
CREATE TABLE closed_before (
  org_id BLOB NOT NULL,
  flag_id BLOB NOT NULL,
  PRIMARY KEY (org_id, flag_id),
  FOREIGN KEY (org_id, flag_id) REFERENCES flag (org_id, id)
) WITHOUT ROWID;
INSERT INTO closed_before (org_id, flag_id)
  SELECT f.org_id, f.id FROM flag f
  WHERE f.state = 'closed' AND NOT EXISTS (SELECT 1 FROM closing c WHERE c.org_id = f.org_id AND c.flag_id = f.id);

-- An episode's flags, the closed ones too: `verify` goes through the episodes.
CREATE INDEX flag_episode ON flag (org_id, episode_id);

-- As in the first migration.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('closed_before', 'closed_before', '100000 100000 1');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag', 'flag_episode', '1000000 1000000 2');
