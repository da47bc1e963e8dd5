DROP INDEX response_once;
CREATE UNIQUE INDEX response_once ON response (org_id, administration_id, instrument);
CREATE INDEX response_episode ON response (org_id, episode_id);
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET name = 'sqlite_autoindex_response_2', sql = NULL WHERE type = 'index' AND name = 'response_once';
UPDATE sqlite_schema SET sql = replace(sql, 'PRIMARY KEY (org_id, id),', 'PRIMARY KEY (org_id, id),
  UNIQUE (org_id, administration_id, instrument),') WHERE type = 'table' AND name = 'response';
PRAGMA writable_schema = RESET;
DELETE FROM sqlite_stat1 WHERE idx = 'response_once';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'response_episode', '1000000 1000000 10');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'sqlite_autoindex_response_2', '1000000 1000000 10 1');
