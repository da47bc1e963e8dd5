DELETE FROM sqlite_stat1 WHERE tbl = 'closed_before' OR idx = 'flag_episode';
DROP INDEX flag_episode;
DROP TABLE closed_before;
