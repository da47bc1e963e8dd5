-- What a patient's answers write is counted in pages, so an index that handing in has to change pays its way or goes: a patient's waiting forms are few, and their
-- episodes find them. And a list of words in a condition is a table that SQLite builds anew for every row it checks.
DROP INDEX administration_waiting;
DROP INDEX administration_missed;
CREATE INDEX administration_missed ON administration (org_id, ended_at)
  WHERE ended_at IS NOT NULL AND state <> 'completed' AND state <> 'cancelled';
