-- Accounts that may not see small numbers are shown periods that neither overlap nor add up to each other: whichever one sort the organisation has chosen.
ALTER TABLE organisation ADD COLUMN shown_by TEXT NOT NULL DEFAULT 'quarters' CHECK (shown_by IN ('quarters', 'years'));
