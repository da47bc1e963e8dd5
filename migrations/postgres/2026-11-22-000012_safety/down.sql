-- Not undone: what was grouped, assessed and decided has no place in the version before. Restore the copy that was made before migrating.
SELECT 1;
