DROP INDEX flag_episode;
DROP TABLE closed_before;
