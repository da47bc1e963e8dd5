-- An answer that the patient took back and gives again is told again, so one form may have the same answer on a flag twice.
ALTER TABLE flag_answer DROP CONSTRAINT flag_answer_org_id_response_id_rule_answer_key;
CREATE INDEX flag_answer_response ON flag_answer (org_id, response_id);
