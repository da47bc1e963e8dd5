-- Two of the pages that an answer dirtied were those of two indexes, one by occasion and one by episode. An occasion belongs to one episode, so an index by both keeps an
-- occasion's form from being stored twice as well, and finds what either found.

-- SQLite lets nobody drop the index behind a UNIQUE of a table. So the same index, as it lies in the file, is given a name and a statement of its own, and the table loses
-- the words that made it: nothing that is stored changes (SQLite's manual, "ALTER TABLE", section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET name = 'response_once', sql = 'CREATE UNIQUE INDEX response_once ON response (org_id, administration_id, instrument)'
  WHERE type = 'index' AND name = 'sqlite_autoindex_response_2';
UPDATE sqlite_schema SET sql = replace(sql, '
  UNIQUE (org_id, administration_id, instrument),', '') WHERE type = 'table' AND name = 'response';
PRAGMA writable_schema = RESET;

DROP INDEX response_once;
DROP INDEX response_episode;
CREATE UNIQUE INDEX response_once ON response (org_id, episode_id, administration_id, instrument);

-- As in the first migration.
DELETE FROM sqlite_stat1 WHERE idx IN ('response_episode', 'sqlite_autoindex_response_2');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('response', 'response_once', '1000000 1000000 10 2 1');
