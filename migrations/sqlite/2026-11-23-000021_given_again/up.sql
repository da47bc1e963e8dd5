-- An answer that the patient took back and gives again is told again, so one form may have the same answer on a flag twice.

-- SQLite lets nobody drop the index behind a UNIQUE of a table. So the same index, as it lies in the file, is given a name and a statement of its own, and the table loses
-- the words that made it: nothing that is stored changes (SQLite's manual, "ALTER TABLE", section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET name = 'flag_answer_once', sql = 'CREATE UNIQUE INDEX flag_answer_once ON flag_answer (org_id, response_id, rule, answer)'
  WHERE type = 'index' AND name = 'sqlite_autoindex_flag_answer_2';
UPDATE sqlite_schema SET sql = replace(sql, '
  UNIQUE (org_id, response_id, rule, answer),', '') WHERE type = 'table' AND name = 'flag_answer';
PRAGMA writable_schema = RESET;

DROP INDEX flag_answer_once;
CREATE INDEX flag_answer_response ON flag_answer (org_id, response_id);

-- As in the first migration.
DELETE FROM sqlite_stat1 WHERE idx = 'sqlite_autoindex_flag_answer_2';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('flag_answer', 'flag_answer_response', '1000000 1000000 2');
