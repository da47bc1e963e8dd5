DROP INDEX contact_preference_phone;
