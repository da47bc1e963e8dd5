//! What holds for a file as a whole, of whatever kind: dry runs, contradictions, rejected rows, access, and imports that are cut short.

use super::*;
use crate::app::import::text::TextFault;

#[test]
fn rows_of_one_file_that_contradict_each_other_are_rejected() {
    let site = Site::new();
    let between: Vec<String> = (0..300).map(|n| row(&format!("q{n}"), &[])).collect();
    let rows: Vec<String> = std::iter::once(row("p1", &[]))
        .chain(between)
        .chain([
            row(
                "p1",
                &[
                    ("name", "Somebody Else"),
                    ("program_id", "other"),
                    ("program", "Other"),
                ],
            ),
            row("p1", &[("clinician", "t2@x.org")]),
        ])
        .collect();
    for _ in 0..2 {
        assert_eq!(site.take_patients(&rows).rejected, 2);
        let expected = [(303, "patient"), (304, "episode of care")].map(|(line, about)| {
            (
                line,
                format!("line 2 says something else about the same {about}"),
            )
        });
        assert_eq!(site.reasons(), expected.as_slice());
        assert_eq!(site.patient("p1").unwrap().name, "Ada Example");
    }
}

#[test]
fn mended_rejected_rows_are_taken_as_they_are() {
    let site = Site::new();
    let bad = [
        row("=p1", &[("name", "@Ada"), ("language", "fr")]),
        row("p2", &[]),
    ];
    site.take_patients(&bad);
    let text = std::fs::read_to_string(site.rejects()).unwrap();
    assert!(text.contains("'=p1,'@Ada,'=p1@mail.org"), "{text}");
    let mended = text.replace(",fr,", ",en,");
    assert_eq!(
        counts(&site.take(What::Patients, mended, Mode::Write)),
        [1, 1, 0, 0, 0]
    );
    assert_eq!(site.patient("=p1").unwrap().name, "@Ada");
}

#[test]
fn a_dry_run_reports_the_same_and_stores_nothing() {
    let site = Site::new();
    let rows = [
        row("p1", &[]),
        row("p2", &[("language", "fr")]),
        row("p3", &[("clinic_id", "south"), ("clinic", "South")]),
    ];
    let preview = site.take(What::Patients, file_of(&rows), Mode::DryRun);
    let reasons = site.reasons();
    assert_eq!(site.patient("p1"), None);
    assert_eq!(site.events(), 0);
    assert_eq!(site.take_patients(&rows), preview);
    assert_eq!(site.reasons(), reasons);
}

#[test]
fn another_encoding_is_refused_before_anything_is_stored() {
    let site = Site::new();
    let rows: Vec<String> = (0..300).map(|n| row(&format!("p{n}"), &[])).collect();
    let mut text = file_of(&rows).into_bytes();
    let byte = text.len() as u64 + 1;
    text.extend_from_slice(b"\xE9,x\n");
    let order = site.order(What::Patients, text, Mode::Write);
    let Stopped { why, so_far } =
        import(&site.app, &site.operator(), &order, &mut |_| ()).unwrap_err();
    assert!(
        matches!(why, Failure::Refused(Refusal::Encoding(TextFault::Encoding { byte: b, seen: 0xE9 })) if b == byte)
    );
    assert_eq!(*so_far, Report::default());
    assert_eq!(site.patient("p0"), None);
}

#[test]
fn a_quotation_mark_that_swallows_the_next_row_refuses_the_whole_file() {
    let site = Site::new();
    // A mark that is opened and not closed: the next one would close it, in this row or in the next, and two people would be one.
    let open = |row: &str| row.replacen(',', ",\"", 1);
    let text = site.patients(&["p0", "p1", "p2"]);
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    rows[2] = open(&rows[2]);
    rows[3] = open(&rows[3]);
    let text = rows.join("\n");
    let order = site.order(What::Patients, text, Mode::Write);
    let Stopped { why, so_far } =
        import(&site.app, &site.operator(), &order, &mut |_| ()).unwrap_err();
    let said = match why {
        Failure::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(said.contains("line 3: something stands behind"), "{said}");
    assert_eq!(*so_far, Report::default());
    assert_eq!(site.patient("p0"), None);
}

#[test]
fn no_file_is_written_over_that_holds_no_rejected_rows() {
    let site = Site::new();
    let mut order = site.order(What::Patients, site.patients(&["p 1"]), Mode::Write);
    for path in [site.file("precious.csv", "id\n1\n"), order.file.clone()] {
        let before = std::fs::read(&path).unwrap();
        order.rejects = path.clone();
        let stopped = import(&site.app, &site.operator(), &order, &mut |_| ()).unwrap_err();
        assert!(matches!(stopped.why, Failure::Refused(Refusal::Rejects(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn only_the_operator_and_administrators_import() {
    let site = Site::new();
    let order = site.order(What::Patients, site.patients(&["p1"]), Mode::Write);
    for &role in Role::ALL {
        let id: StaffId = fresh(site.app.clock.now());
        let actor = Actor::Staff(StaffActor {
            org: site.app.org,
            id,
            role,
            licence: None,
            clinics: vec![],
        });
        let done = import(&site.app, &actor, &order, &mut |_| ());
        match role {
            Role::Administrator => assert_eq!(done.unwrap().added, 1),
            _ => assert!(matches!(
                done.unwrap_err().why,
                Failure::Denied(Denied::Role)
            )),
        }
    }
}

#[test]
fn an_import_that_was_cut_short_is_finished_by_another() {
    let site = Site::new();
    let rows: Vec<String> = (0..900).map(|n| row(&format!("p{n}"), &[])).collect();
    let order = site.order(What::Patients, file_of(&rows), Mode::Write);
    let store = site.app.store.clone();
    // The database goes away after the second chunk.
    let cut = import(&site.app, &site.operator(), &order, &mut |done| {
        if done == 400 {
            store.close();
        }
    });
    let stopped = cut.unwrap_err();
    assert!(matches!(stopped.why, Failure::Fault(Fault::Stopped)));
    assert_eq!(stopped.so_far.rows, 400);
    let again = reopened(&site.app, &site.folder);
    let report = import(&again, &site.operator(), &order, &mut |_| ()).unwrap();
    assert_eq!(counts(&report), [900, 500, 0, 400, 0]);
    again.store.close();
}

fn reopened(app: &App, folder: &Path) -> App {
    let store = Store::open(
        Database::Sqlite(folder.join("attune.db")),
        Seal::new([7; 32]),
    )
    .unwrap();
    App {
        begun: Default::default(),
        store,
        ..app.clone()
    }
}

#[test]
fn a_chunk_that_meets_a_rival_fails_whole_and_can_be_repeated() {
    let site = Site::new();
    let rows: Vec<String> = (0..450).map(|n| row(&format!("p{n}"), &[])).collect();
    let order = site.order(What::Patients, file_of(&rows), Mode::Write);
    // Between two chunks somebody else takes the program's id, which this import found free and keeps in mind.
    let other: Vec<String> = (0..250)
        .map(|n| row(&format!("p{n}"), &[]))
        .chain([row("p300", &[("program_id", "late"), ("program", "Late")])])
        .collect();
    let order_late = Order {
        file: site.file("late.csv", file_of(&other)),
        ..order.clone()
    };
    let (app, org) = (&site.app, site.app.org);
    let rival = move |tx: &mut Tx| {
        let row = organisation::ProgramRow {
            org_id: org,
            id: fresh(instant("2026-03-01 12:00")),
            external_id: "late".into(),
            name: "Late".into(),
        };
        organisation::add_program(tx, &row)
    };
    let cut = import(app, &site.operator(), &order_late, &mut |done| {
        if done == 200 {
            app.store.write_blocking::<(), Fault, _>(rival).unwrap();
        }
    });
    let stopped = cut.unwrap_err();
    assert!(
        matches!(&stopped.why, Failure::Fault(fault) if fault.is_duplicate()),
        "{:?}",
        stopped.why
    );
    assert_eq!(site.patient("p220"), None, "half a chunk was stored");
    let report = import(app, &site.operator(), &order_late, &mut |_| ()).unwrap();
    assert_eq!(counts(&report), [251, 51, 0, 200, 0]);
}
