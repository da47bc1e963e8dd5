-- Some norms were published for women or for men only. Nobody has to say; then those norms are not used.
ALTER TABLE patient ADD COLUMN sex TEXT CHECK (sex IN ('female', 'male'));
