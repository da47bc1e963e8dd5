DROP INDEX response_once;
ALTER TABLE response ADD CONSTRAINT response_org_id_administration_id_instrument_key UNIQUE (org_id, administration_id, instrument);
CREATE INDEX response_episode ON response (org_id, episode_id);
