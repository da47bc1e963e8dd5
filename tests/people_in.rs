//! People come in by file through the built program: whole rows or none, the same file twice changes nothing, what is rejected says why.

use crate::operator::{Office, complaint, patients_csv, printed, zone_at_midday};

#[test]
fn a_file_that_is_imported_again_changes_nothing() {
    let office = Office::open();
    let before = office.verified();
    let again = office
        .site
        .must_run(&["import", "patients", "patients.csv"]);
    assert!(
        again.contains("unchanged: 12") && again.contains("added: 0"),
        "{again}"
    );
    assert_eq!(
        office.verified()["counts"]["audit_events"],
        before["counts"]["audit_events"],
        "not even an audit event"
    );
}

#[test]
fn bom_crlf_and_quoted_line_breaks_are_read_and_a_dry_run_stores_nothing() {
    let office = Office::open();
    let head = patients_csv(0);
    let text = format!(
        "\u{feff}{}A1,\"Núñez,\r\nJosé\",,es,America/Denver,north,,main,,lee@staff.example.org,2026-01-05\r\n",
        head.replace('\n', "\r\n")
    );
    office.site.folder.write("more.csv", text);
    let episodes = office.count("episodes");
    assert!(
        office
            .site
            .must_run(&["import", "patients", "more.csv", "--dry-run"])
            .contains("added: 1")
    );
    assert_eq!(office.count("episodes"), episodes);
    assert!(
        office
            .site
            .must_run(&["import", "patients", "more.csv"])
            .contains("added: 1")
    );
    assert!(
        office
            .site
            .must_run(&["import", "patients", "more.csv"])
            .contains("unchanged: 1")
    );
    assert_eq!(office.count("episodes"), episodes + 1);
    office
        .site
        .must_run(&["link", "new", "--patient", "A1", "--instruments", "phq9"]);
}

#[test]
fn how_many_links_each_patient_gets_has_bounds() {
    let office = Office::open();
    for each in ["0", "1001", "18446744073709551615", "-1", "many"] {
        let each = format!("--each={each}");
        let words = ["link", "new", "--all", "--instruments", "phq9", &each];
        let output = office.site.run(&words);
        assert_eq!(output.status.code(), Some(2), "{each}");
        assert!(
            complaint(&output).contains("--each"),
            "{}",
            complaint(&output)
        );
    }
    assert_eq!(office.count("administrations"), 0);
}

#[test]
fn rejected_rows_stand_in_a_file_with_their_reasons_and_the_others_are_taken() {
    let office = Office::open();
    let mut text = patients_csv(0);
    text.push_str("B1,Good Row,b1@patients.example.org,en,America/Chicago,north,,main,,lee@staff.example.org,2026-01-05\n");
    text.push_str("B2,Bad Zone,b2@patients.example.org,en,Mars/Base,north,,main,,lee@staff.example.org,2026-01-05\n");
    text.push_str("B3,Bad Clinician,b3@patients.example.org,en,America/Chicago,north,,main,,nobody@staff.example.org,2026-01-05\n");
    text.push_str("B4,Bad Day,b4@patients.example.org,en,America/Chicago,north,,main,,lee@staff.example.org,2026-02-30\n");
    office.site.folder.write("mixed.csv", text);
    let output = office.site.run(&["import", "patients", "mixed.csv"]);
    assert_eq!(output.status.code(), Some(3), "{}", complaint(&output));
    let said = printed(&output);
    assert!(
        said.contains("added: 1") && said.contains("rejected: 3"),
        "{said}"
    );
    let rejects = std::fs::read_to_string(office.site.folder.path().join("mixed.rejected.csv"))
        .expect("the rejected rows");
    for (id, reason) in [
        ("B2", "time zone"),
        ("B3", "nobody@staff.example.org"),
        ("B4", "2026-02-30"),
    ] {
        let row = rejects
            .lines()
            .find(|line| line.starts_with(id))
            .unwrap_or_else(|| panic!("{id} in {rejects}"));
        assert!(
            row.to_lowercase().replace('_', " ").contains(reason),
            "{row}"
        );
    }
    office.verified();
}

#[test]
fn a_row_with_more_or_fewer_cells_than_columns_keeps_them_all_and_is_refused_until_it_is_mended() {
    let office = Office::open();
    let whole = "D1,Good Row,d1@patients.example.org,en,America/Chicago,north,,main,,lee@staff.example.org,2026-01-05";
    let text = format!(
        "{}{whole},8,12\nD2,Short Row,d2@patients.example.org\n",
        patients_csv(0)
    );
    office.site.folder.write("cells.csv", text);
    for file in [
        "cells.csv",
        "cells.rejected.csv",
        "cells.rejected.rejected.csv",
    ] {
        let output = office.site.run(&["import", "patients", file]);
        assert_eq!(
            output.status.code(),
            Some(3),
            "{file}: {}",
            complaint(&output)
        );
        assert!(printed(&output).contains("rejected: 2"), "{file}");
    }
    let path = office
        .site
        .folder
        .path()
        .join("cells.rejected.rejected.rejected.csv");
    let kept = std::fs::read_to_string(path).expect("the rejected rows");
    assert!(
        kept.contains("2026-01-05,8,12,") && kept.contains("D2,Short Row"),
        "{kept}"
    );
    // Mended, the file is taken as it is.
    let mended = kept.replace("2026-01-05,8,12,", "2026-01-05,");
    let mended: Vec<&str> = mended
        .lines()
        .filter(|line| !line.starts_with("D2"))
        .collect();
    office
        .site
        .folder
        .write("mended.csv", mended.join("\n") + "\n");
    let output = office.site.run(&["import", "patients", "mended.csv"]);
    assert!(
        printed(&output).contains("added: 1"),
        "{}",
        printed(&output) + &complaint(&output)
    );
}

#[test]
fn a_file_that_cannot_be_read_whole_stores_nothing() {
    let office = Office::open();
    let episodes = office.count("episodes");
    let row = "C1,Good Row,c1@patients.example.org,en,America/Chicago,north,,main,,lee@staff.example.org,2026-01-05\n";
    let head = patients_csv(0);
    let latin = [
        head.as_bytes(),
        row.as_bytes(),
        b"C2,Jos\xe9,,en,America/Chicago,north,,main,,lee@staff.example.org,2026-01-05\n",
    ]
    .concat();
    let nowhere = [
        "import",
        "patients",
        "patients.csv",
        "--rejects",
        "no/where.csv",
    ];
    let output = office.site.run(&nowhere);
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    assert!(
        complaint(&output).contains("is no folder"),
        "{}",
        complaint(&output)
    );
    for (what, bytes, words) in [
        ("Latin-1", latin, "UTF-8"),
        (
            "an unknown column",
            format!("shoe_size,{head}9,{row}").into_bytes(),
            "shoe_size",
        ),
        (
            "a missing column",
            head.replace("clinician,", "").into_bytes(),
            "clinician",
        ),
    ] {
        office.site.folder.write("bad.csv", bytes);
        let output = office.site.run(&["import", "patients", "bad.csv"]);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{what}: {}",
            complaint(&output)
        );
        assert!(
            complaint(&output).contains(words),
            "{what}: {}",
            complaint(&output)
        );
    }
    assert_eq!(office.count("episodes"), episodes);
}

#[test]
fn sessions_come_in_once_and_bring_their_forms() {
    let office = Office::open();
    let plan = patients_csv(1)
        .replace("episode_start\n", "episode_start,instruments,cadence\n")
        .replace("2026-01-05\n", "2026-01-05,phq9,before_session:24\n")
        .replace("America/Chicago", &zone_at_midday());
    office.site.folder.write("plan.csv", plan);
    assert!(
        office
            .site
            .must_run(&["import", "patients", "plan.csv"])
            .contains("changed: 1")
    );
    let soon = (chrono::Utc::now() + chrono::TimeDelta::hours(20)).format("%Y-%m-%dT%H:%M:%SZ");
    office.site.folder.write(
        "sessions.csv",
        format!("session_id,patient_id,starts_at,state\nS1,P1,{soon},planned\n"),
    );
    assert!(
        office
            .site
            .must_run(&["import", "sessions", "sessions.csv"])
            .contains("added: 1")
    );
    assert!(
        office
            .site
            .must_run(&["import", "sessions", "sessions.csv"])
            .contains("unchanged: 1")
    );
    let began = std::time::Instant::now();
    while office.count("administrations") == 0 {
        assert!(
            began.elapsed() < std::time::Duration::from_secs(20),
            "the form falls due"
        );
    }
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(office.count("administrations"), 1, "once");
}
