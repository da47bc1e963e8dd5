//! The built program at work for a clinic: set up through its command line and its set-up links, as an operator does it.

use std::process::Output;
use std::time::Duration;

use crate::support::http::{Client, path_of};
use crate::support::process::{Service, Site};

/// How many patients are in care.
pub const PATIENTS: usize = 12;
/// Everybody's password.
pub const PASSWORD: &str = "four plain words in a row";

/// A running service with a licensed therapist, a supervisor and some patients.
pub struct Office {
    service: Option<Service>,
    pub site: Site,
}

impl Office {
    pub fn open() -> Office {
        Office::open_with(&[])
    }

    /// With further settings.
    pub fn open_with(settings: &[(&str, &str)]) -> Office {
        let site = settings
            .iter()
            .fold(Site::new(), |site, (name, value)| site.with(name, value));
        site.must_run(&["migrate"]);
        let service = site.serve();
        let office = Office {
            service: Some(service),
            site,
        };
        office.take_people_in();
        office
    }

    fn take_people_in(&self) {
        let patients = self
            .site
            .folder
            .write("patients.csv", patients_csv(PATIENTS));
        let import = ["import", "patients", &patients.to_string_lossy()];
        // The clinic comes with the file; its people are added before its patients can be.
        assert_eq!(
            self.site.run(&import).status.code(),
            Some(3),
            "no row is taken before the clinician is there"
        );
        for (email, role) in [
            ("lee@staff.example.org", "therapist"),
            ("sam@staff.example.org", "supervisor"),
        ] {
            let added = self.site.must_run(&[
                "user",
                "add",
                "--email",
                email,
                "--name",
                "Hartwell",
                "--role",
                role,
                "--licence",
                "LCSW 1",
                "--clinic",
                "north",
            ]);
            self.set_password(added.trim());
        }
        self.site.must_run(&import);
    }

    /// Uses a set-up link.
    pub fn set_password(&self, link: &str) {
        let fields = [("password", PASSWORD), ("again", PASSWORD)];
        let answer = self
            .client()
            .post_form(path_of(link), &fields)
            .expect("the site answers");
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    pub fn client(&self) -> Client {
        Client::new(self.site.address())
    }

    /// The paths of fresh links, this many for each patient.
    pub fn links(&self, instruments: &str, each: usize) -> Vec<String> {
        let printed = self.site.must_run(&[
            "link",
            "new",
            "--all",
            "--each",
            &each.to_string(),
            "--instruments",
            instruments,
        ]);
        printed
            .lines()
            .map(|line| path_of(line).to_owned())
            .collect()
    }

    /// kill -9; gives its log.
    pub fn kill(&mut self) -> String {
        self.service.take().expect("the service runs").kill()
    }

    /// SIGTERM; gives its log.
    ///
    /// # Panics
    /// When it does not end well in time.
    pub fn stop(&mut self, patience: Duration) -> String {
        let (status, log) = self
            .service
            .take()
            .expect("the service runs")
            .stop(patience);
        assert!(status.success(), "{status}\n{log}");
        log
    }

    pub fn start(&mut self) {
        self.service = Some(self.site.serve());
    }

    /// What `attune verify` prints; it has to find nothing broken.
    pub fn verified(&self) -> serde_json::Value {
        serde_json::from_str(&self.site.must_run(&["verify"])).expect("verify prints JSON")
    }

    /// One of the counts that `attune verify` prints.
    pub fn count(&self, what: &str) -> u64 {
        self.verified()["counts"][what].as_u64().expect("a count")
    }
}

/// A file of patients in the care of Lee.
pub fn patients_csv(count: usize) -> String {
    let head = "patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start\n";
    let row = |n| {
        format!(
            "P{n},Zephyrine Quillfeather,p{n}@patients.example.org,en,America/Chicago,north,North House,main,Outpatient,lee@staff.example.org,2026-01-05\n"
        )
    };
    (1..=count)
        .map(row)
        .fold(head.to_owned(), |file, row| file + &row)
}

/// A zone in which it is early afternoon now, whenever the test runs: what is due there leaves at once, quiet hours or not.
pub fn zone_at_midday() -> String {
    use chrono::Timelike;
    match 13 - i64::from(chrono::Utc::now().hour()) {
        // The signs of these names are the other way round.
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    }
}

/// What a command complained about.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command printed.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
