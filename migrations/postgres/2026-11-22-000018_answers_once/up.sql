-- Two of the pages that an answer dirtied were those of two indexes, one by occasion and one by episode. An occasion belongs to one episode, so an index by both keeps an
-- occasion's form from being stored twice as well, and finds what either found.
ALTER TABLE response DROP CONSTRAINT response_org_id_administration_id_instrument_key;
DROP INDEX response_episode;
CREATE UNIQUE INDEX response_once ON response (org_id, episode_id, administration_id, instrument);
