DROP INDEX administration_waiting;
DROP TABLE absence;
