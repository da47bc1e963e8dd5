-- Not undone: states and plans of this version have no place in the one before. Restore the copy that was made before migrating.
SELECT 1;
