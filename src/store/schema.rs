//! The tables as diesel sees them. Kept in step with both migration trees; nothing else lives here.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    organisation (id) {
        id -> Binary,
        name -> Text,
        time_zone -> Text,
        crisis_line -> Nullable<Text>,
        reading_promise -> Text,
        created_at -> Timestamp,
        shown_by -> Text,
    }
}

table! {
    clinic (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        external_id -> Text,
        name -> Text,
    }
}

table! {
    program (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        external_id -> Text,
        name -> Text,
    }
}

table! {
    staff (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        email -> Text,
        name -> Text,
        role -> Text,
        licence -> Nullable<Text>,
        state -> Text,
        password_hash -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

table! {
    staff_clinic (org_id, staff_id, clinic_id) {
        org_id -> Binary,
        staff_id -> Binary,
        clinic_id -> Binary,
    }
}

table! {
    sign_in (secret_hash) {
        secret_hash -> Binary,
        org_id -> Binary,
        staff_id -> Binary,
        created_at -> Timestamp,
        seen_at -> Timestamp,
    }
}

table! {
    setup_link (secret_hash) {
        secret_hash -> Binary,
        org_id -> Binary,
        staff_id -> Nullable<Binary>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

table! {
    patient (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        external_id -> Text,
        name -> Text,
        email -> Nullable<Text>,
        email_refused_at -> Nullable<Timestamp>,
        language -> Text,
        time_zone -> Text,
        created_at -> Timestamp,
        changed_at -> Timestamp,
        sex -> Nullable<Text>,
    }
}

table! {
    episode (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        patient_id -> Binary,
        clinic_id -> Binary,
        program_id -> Binary,
        clinician_id -> Binary,
        started_on -> Date,
        ended_on -> Nullable<Date>,
        ending -> Nullable<Text>,
    }
}

table! {
    care_session (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        episode_id -> Binary,
        external_id -> Text,
        starts_at -> Timestamp,
        state -> Text,
    }
}

table! {
    plan (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        episode_id -> Binary,
        instruments -> Text,
        cadence -> Text,
        anchor -> Date,
        next_due_at -> Nullable<Timestamp>,
        role -> Text,
        position -> Integer,
        step -> Nullable<Text>,
        program_plan_id -> Nullable<Binary>,
        ended_at -> Nullable<Timestamp>,
        awaits_at -> Nullable<Timestamp>,
    }
}

table! {
    program_plan (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        program_id -> Binary,
        instruments -> Text,
        cadence -> Text,
        role -> Text,
        position -> Integer,
        step -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    occasion (org_id, plan_id, name) {
        org_id -> Binary,
        plan_id -> Binary,
        name -> Text,
        due_at -> Timestamp,
        outcome -> Text,
        administration_id -> Nullable<Binary>,
        why -> Nullable<Text>,
        made_at -> Timestamp,
    }
}

table! {
    administration (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        episode_id -> Binary,
        patient_id -> Binary,
        occasion -> Text,
        instruments -> Text,
        language -> Text,
        state -> Text,
        due_at -> Timestamp,
        expires_at -> Timestamp,
        opened_at -> Nullable<Timestamp>,
        ended_at -> Nullable<Timestamp>,
        finish_within_s -> BigInt,
        informant_id -> Nullable<Binary>,
        ended_why -> Nullable<Text>,
        step -> Nullable<Text>,
    }
}

table! {
    link (token_hash) {
        token_hash -> Binary,
        org_id -> Binary,
        id -> Binary,
        administration_id -> Binary,
        created_at -> Timestamp,
        revoked_at -> Nullable<Timestamp>,
        tablet_hash -> Nullable<Binary>,
        tries -> Integer,
        tried_at -> Nullable<Timestamp>,
    }
}

table! {
    pairing (org_id, code_hash) {
        org_id -> Binary,
        code_hash -> Binary,
        link_id -> Binary,
        administration_id -> Binary,
        made_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

table! {
    way_in (org_id, administration_id) {
        org_id -> Binary,
        administration_id -> Binary,
        mode -> Text,
        answered_on -> Date,
        asked_by -> Nullable<Text>,
        manner -> Nullable<Text>,
        recorded_by -> Binary,
        recorded_at -> Timestamp,
    }
}

table! {
    informant (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        patient_id -> Binary,
        relation -> Text,
        name -> Text,
        email -> Nullable<Text>,
        language -> Text,
        made_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    response (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        administration_id -> Binary,
        episode_id -> Binary,
        instrument -> Text,
        version -> Text,
        state -> Text,
        answers -> Text,
        criteria -> Text,
        language -> Text,
        layout -> Text,
        started_at -> Timestamp,
        completed_at -> Nullable<Timestamp>,
        entered_by -> Nullable<Binary>,
        carried -> Nullable<Text>,
    }
}

table! {
    score (org_id, response_id, scale, revision) {
        org_id -> Binary,
        response_id -> Binary,
        scale -> Text,
        revision -> Integer,
        instrument -> Text,
        version -> Text,
        value -> Nullable<Double>,
        reason -> Nullable<Text>,
        band -> Nullable<Text>,
        answered -> Integer,
        items -> Integer,
        prorated -> Integer,
        made_at -> Timestamp,
        scheme -> Nullable<Text>,
        raw -> Nullable<Double>,
        standard_error -> Nullable<Double>,
        out_of -> Nullable<Double>,
    }
}

table! {
    episode_scale (org_id, episode_id, instrument, scale) {
        org_id -> Binary,
        episode_id -> Binary,
        instrument -> Text,
        scale -> Text,
        version -> Text,
        n -> Integer,
        first_value -> Double,
        first_at -> Timestamp,
        last_value -> Double,
        last_at -> Timestamp,
        last_band -> Nullable<Text>,
        best_value -> Double,
        best_at -> Timestamp,
        recent -> Text,
    }
}

table! {
    flag (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        patient_id -> Binary,
        episode_id -> Binary,
        clinic_id -> Binary,
        response_id -> Nullable<Binary>,
        informant_id -> Nullable<Binary>,
        rule -> Text,
        instrument -> Text,
        version -> Text,
        policy -> Integer,
        tier -> Text,
        item -> Text,
        answer -> Integer,
        answer_words -> Text,
        answers -> Integer,
        last_at -> Timestamp,
        owner_id -> Binary,
        state -> Text,
        raised_at -> Timestamp,
        acknowledged_at -> Nullable<Timestamp>,
        closed_at -> Nullable<Timestamp>,
        due_at -> Nullable<Timestamp>,
        next_step_at -> Nullable<Timestamp>,
        finish_by -> Nullable<Timestamp>,
        unfinished_at -> Nullable<Timestamp>,
    }
}

table! {
    flag_answer (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        flag_id -> Binary,
        response_id -> Nullable<Binary>,
        rule -> Text,
        instrument -> Text,
        version -> Text,
        item -> Text,
        answer -> Integer,
        answer_words -> Text,
        how -> Text,
        at -> Timestamp,
    }
}

table! {
    closing (org_id, flag_id) {
        org_id -> Binary,
        flag_id -> Binary,
        staff_id -> Binary,
        at -> Timestamp,
        asked -> Text,
        level -> Text,
        contact -> Text,
        assessment -> Text,
        plan -> Text,
        next_check_on -> Nullable<Date>,
        no_check_why -> Nullable<Text>,
        contact_note -> Nullable<Text>,
        choice -> Nullable<Text>,
    }
}

table! {
    known_level (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        patient_id -> Binary,
        instrument -> Text,
        rule -> Text,
        up_to -> Integer,
        until_on -> Date,
        reason -> Text,
        set_by -> Binary,
        set_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        ended_by -> Nullable<Binary>,
    }
}

table! {
    signal (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        patient_id -> Binary,
        episode_id -> Binary,
        clinic_id -> Binary,
        owner_id -> Binary,
        kind -> Text,
        instrument -> Text,
        scale -> Text,
        version -> Text,
        response_id -> Nullable<Binary>,
        policy -> Integer,
        facts -> Text,
        state -> Text,
        raised_at -> Timestamp,
        last_at -> Timestamp,
        times -> Integer,
        due_at -> Nullable<Timestamp>,
        choice -> Nullable<Text>,
        reason -> Nullable<Text>,
        decided_by -> Nullable<Binary>,
        decided_at -> Nullable<Timestamp>,
    }
}

table! {
    flag_act (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        flag_id -> Binary,
        act -> Text,
        staff_id -> Nullable<Binary>,
        at -> Timestamp,
        note -> Text,
    }
}

table! {
    outbox (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        kind -> Text,
        subject_id -> Binary,
        recipient_id -> Binary,
        state -> Text,
        not_before -> Timestamp,
        attempts -> Integer,
        lease_until -> Nullable<Timestamp>,
        fence -> Integer,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        lane -> Text,
        number -> Integer,
    }
}

table! {
    send_attempt (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        outbox_id -> Binary,
        at -> Timestamp,
        outcome -> Text,
        detail -> Text,
    }
}

table! {
    contact_preference (org_id, patient_id) {
        org_id -> Binary,
        patient_id -> Binary,
        channel -> Text,
        phone -> Nullable<Text>,
        phone_refused_at -> Nullable<Timestamp>,
        safe_from -> Nullable<Integer>,
        safe_until -> Nullable<Integer>,
        note -> Text,
        birth_year -> Nullable<Integer>,
        reminders_stopped_at -> Nullable<Timestamp>,
        texts_stopped_at -> Nullable<Timestamp>,
        opted_out_at -> Nullable<Timestamp>,
        changed_at -> Timestamp,
    }
}

table! {
    pause (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        scope -> Text,
        subject_id -> Nullable<Binary>,
        reason -> Text,
        from_at -> Timestamp,
        until_at -> Nullable<Timestamp>,
        paused_by -> Nullable<Binary>,
        ended_at -> Nullable<Timestamp>,
        ended_by -> Nullable<Binary>,
    }
}

table! {
    policy (org_id, kind, version) {
        org_id -> Binary,
        kind -> Text,
        version -> Integer,
        body -> Text,
        made_at -> Timestamp,
        made_by -> Nullable<Binary>,
    }
}

table! {
    absence (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        staff_id -> Binary,
        from_on -> Date,
        until_on -> Date,
        covered_by -> Nullable<Binary>,
        note -> Text,
        made_by -> Nullable<Binary>,
        made_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        ended_by -> Nullable<Binary>,
    }
}

table! {
    task (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        kind -> Text,
        clinic_id -> Binary,
        patient_id -> Binary,
        detail -> Text,
        created_at -> Timestamp,
        done_at -> Nullable<Timestamp>,
        done_by -> Nullable<Binary>,
    }
}

table! {
    audit_event (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        at -> Timestamp,
        actor -> Text,
        actor_id -> Nullable<Binary>,
        act -> Text,
        subject -> Text,
        subject_id -> Nullable<Binary>,
        outcome -> Text,
        mac -> Binary,
    }
}

table! {
    audit_seal (org_id, number) {
        org_id -> Binary,
        number -> BigInt,
        up_to -> Binary,
        events -> BigInt,
        digest -> Binary,
    }
}

table! {
    heartbeat (worker) {
        worker -> Text,
        at -> Timestamp,
    }
}

table! {
    instrument_permission (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        instrument -> Text,
        reference -> Text,
        holder -> Text,
        granted_on -> Date,
        expires_on -> Nullable<Date>,
        recorded_by -> Nullable<Binary>,
        recorded_at -> Timestamp,
        withdrawn_by -> Nullable<Binary>,
        withdrawn_at -> Nullable<Timestamp>,
    }
}

table! {
    rescore (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        instrument -> Text,
        from_version -> Nullable<Text>,
        to_version -> Text,
        fingerprint -> Text,
        reason -> Text,
        author_id -> Binary,
        started_at -> Timestamp,
    }
}

table! {
    rescored (org_id, response_id, revision) {
        org_id -> Binary,
        response_id -> Binary,
        revision -> Integer,
        rescore_id -> Binary,
        criteria -> Text,
    }
}

table! {
    correction (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        administration_id -> Binary,
        words -> Text,
        language -> Text,
        made_at -> Timestamp,
    }
}

table! {
    in_error (org_id, id) {
        org_id -> Binary,
        id -> Binary,
        administration_id -> Binary,
        reason -> Text,
        marked_by -> Binary,
        marked_at -> Timestamp,
        ended_by -> Nullable<Binary>,
        ended_at -> Nullable<Timestamp>,
    }
}

table! {
    closed_before (org_id, flag_id) {
        org_id -> Binary,
        flag_id -> Binary,
    }
}

table! {
    digest_day (org_id, on_day) {
        org_id -> Binary,
        on_day -> Date,
        made_at -> Timestamp,
        mails -> Integer,
    }
}

table! {
    digest_off (org_id, staff_id) {
        org_id -> Binary,
        staff_id -> Binary,
        since -> Timestamp,
    }
}

allow_tables_to_appear_in_same_query!(
    organisation,
    clinic,
    program,
    staff,
    staff_clinic,
    sign_in,
    setup_link,
    patient,
    episode,
    care_session,
    plan,
    administration,
    link,
    response,
    score,
    episode_scale,
    flag,
    flag_act,
    outbox,
    task,
    audit_event,
    audit_seal,
    heartbeat,
    instrument_permission,
    rescore,
    rescored,
    program_plan,
    occasion,
    send_attempt,
    contact_preference,
    pause,
    policy,
    pairing,
    way_in,
    informant,
    absence,
    correction,
    flag_answer,
    closing,
    known_level,
    signal,
    in_error,
    closed_before,
    digest_day,
    digest_off
);
