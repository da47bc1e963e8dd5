DROP INDEX flag_due;
DROP TABLE digest_off;
DROP TABLE digest_day;
