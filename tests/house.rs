//! A whole site inside this process, on either engine: its people, its pages on a free port of loopback, and its clock in the test's hand.
//! Not: the loops (a test turns each crank itself, by its verb), and not the built program (see `operator`).

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use attune::app::clock::Clock;
use attune::app::enrol::{EpisodeDetails, PatientDetails, add_patient};
use attune::app::permit_instrument::{NewPermission, permit_instrument};
use attune::app::set_plan::PlanDetails;
use attune::app::verify::{Verification, verify};
use attune::app::{App, accounts, give_form};
use attune::domain::access::{Actor, Licence, Role, StaffActor};
use attune::domain::ids::{ClinicId, FlagId, OrgId, PatientId, ProgramId, StaffId};
use attune::domain::instrument::{Library, LicenceClass};
use attune::patient_words::help::{Help, HelpLines};
use attune::store::organisation::{self, ClinicRow, ProgramRow};
use attune::store::staff::{self, StaffRow, StaffState};
use attune::store::{Db, Fault, Place, Seal, Store, Tx, fresh};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::database::TestDatabase;
use crate::support::folder::TemporaryFolder;
use crate::support::http::{Client, path_of};

/// Everybody's password here.
pub const PASSWORD: &str = "four plain words in a row";
/// A name that stands nowhere by accident.
pub const PATIENT_NAME: &str = "Zephyrine Quillfeather";

/// The site's own crisis line, as it is stored.
const CRISIS_LINE: &str = "Harbor line|(555) 010-0199|+15550100199";

/// A site with two clinics and somebody in every role.
pub struct House {
    pub app: App,
    pub people: People,
    places: Places,
    address: SocketAddr,
    web: Option<(ServerHandle, JoinHandle<()>)>,
    // After the app: the database goes when nobody uses it any more.
    _database: TestDatabase,
    pub folder: TemporaryFolder,
}

/// Who works here.
#[derive(Clone)]
pub struct People {
    /// A licensed therapist of the northern clinic; the patients' own.
    pub therapist: Person,
    /// A therapist of the northern clinic without a licence.
    pub unlicensed: Person,
    /// A licensed supervisor of the northern clinic.
    pub supervisor: Person,
    /// A licensed therapist of the southern clinic, where none of the patients are.
    pub elsewhere: Person,
    pub quality: Person,
    pub administrator: Person,
}

/// Somebody with an account.
#[derive(Clone)]
pub struct Person {
    pub id: StaffId,
    pub email: String,
    pub actor: Actor,
}

#[derive(Clone, Copy)]
struct Places {
    north: ClinicId,
    south: ClinicId,
    program: ProgramId,
}

/// With what the text gateway signs.
pub const TEXT_SECRET: &str = "texts-are-signed-with-this";

/// A time of year without a change of clocks; a Monday morning in Chicago.
pub fn monday() -> NaiveDateTime {
    instant("2026-03-02 16:00:00")
}

pub fn instant(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .expect("a test writes its instants well")
}

impl House {
    /// With the machine's clock.
    pub fn open() -> House {
        House::with_clock(Clock::System)
    }

    /// With a clock that stands until the test moves it.
    pub fn at(now: NaiveDateTime) -> House {
        House::with_clock(Clock::stopped_at(now))
    }

    /// Where the country's help lines are others than those of the United States.
    pub fn abroad(lines: &HelpLines) -> House {
        House::founded(Clock::stopped_at(monday()), Help::of(lines).into())
    }

    fn with_clock(clock: Clock) -> House {
        House::founded(clock, Default::default())
    }

    fn founded(clock: Clock, help: Arc<Help>) -> House {
        let folder = TemporaryFolder::new();
        let database = TestDatabase::new(&folder);
        let place = Place::parse(database.url()).expect("the test's own database URL");
        let store = Store::open(place, Seal::new([7; 32])).expect("a new database opens");
        store.migrate().expect("a new database migrates");
        let now = clock.now();
        let (org, places, people) = store
            .write_blocking(move |tx| found(tx, now))
            .expect("a new site is founded");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let app = App {
            begun: Default::default(),
            store,
            library: Library::embedded(),
            clock,
            org,
            base_url: format!("http://{address}").into(),
            help,
        };
        let web = Some(serve(app.clone(), listener));
        House {
            app,
            people,
            places,
            address,
            web,
            _database: database,
            folder,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A new browser.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// A new browser in which this person has signed in.
    pub fn signed_in(&self, person: &Person) -> Client {
        let mut client = self.client();
        let fields = [("email", person.email.as_str()), ("password", PASSWORD)];
        let answer = client
            .post_form("/sign-in", &fields)
            .expect("the site answers");
        assert_eq!(
            (answer.status, answer.location()),
            (303, Some("/")),
            "{}",
            answer.text()
        );
        client
    }

    /// A patient in the care of the northern clinic's therapist, with an address, and asked by hand only.
    pub fn patient(&self, id: &str) -> PatientId {
        self.enrol(id, vec![])
    }

    /// A patient who is asked by plan.
    pub fn enrol(&self, id: &str, plans: Vec<PlanDetails>) -> PatientId {
        self.enrol_speaking("en", id, plans)
    }

    /// The same, with this language on record.
    pub fn enrol_speaking(&self, language: &str, id: &str, plans: Vec<PlanDetails>) -> PatientId {
        self.enrol_living(chrono_tz::America::Chicago, language, id, plans)
    }

    /// The same, living in this zone.
    pub fn enrol_living(
        &self,
        zone: chrono_tz::Tz,
        language: &str,
        id: &str,
        plans: Vec<PlanDetails>,
    ) -> PatientId {
        let who = PatientDetails {
            external_id: id.to_owned(),
            name: PATIENT_NAME.to_owned(),
            email: Some(address_of(id)),
            language: language.to_owned(),
            time_zone: zone,
            sex: None,
        };
        let care = EpisodeDetails {
            clinic: self.places.north,
            program: self.places.program,
            clinician: self.people.therapist.id,
            started_on: self.app.clock.now().date(),
        };
        wait_for(add_patient(&self.app, self.operator(), who, care, plans))
            .expect("the patient is taken in")
    }

    /// Puts the owner's permission on record where one is asked for.
    pub fn permit(&self, instrument: &str) {
        let known = Library::embedded().get(instrument);
        if known.is_some_and(|known| known.licence.class == LicenceClass::B) {
            let permission = NewPermission {
                instrument: instrument.to_owned(),
                reference: "Letter 12 of 3 March".to_owned(),
                holder: "the owner, to Harbor Care".to_owned(),
                granted_on: None,
                expires_on: None,
            };
            let administrator = self.people.administrator.actor.clone();
            wait_for(permit_instrument(&self.app, administrator, permission))
                .expect("the permission is recorded");
        }
    }

    /// A fresh link's path.
    pub fn link(&self, patient: PatientId, instruments: &[&str]) -> String {
        instruments.iter().for_each(|id| self.permit(id));
        let wanted = instruments.iter().map(|id| (*id).to_owned()).collect();
        let handed = wait_for(give_form::give_form(
            &self.app,
            self.operator(),
            (patient, None),
            wanted,
        ))
        .expect("the form is given");
        path_of(&handed.address).to_owned()
    }

    /// A fresh PHQ-9 of a new patient.
    pub fn phq9(&self, id: &str) -> String {
        self.link(self.patient(id), &["phq9"])
    }

    /// The one flag there is, as it stands in addresses.
    pub fn flag(&self) -> FlagId {
        let flags = self.ids("flag");
        assert_eq!(flags.len(), 1, "one flag");
        flags[0].parse().expect("an id")
    }

    /// The ids in a table, oldest first, in the form in which they stand in addresses.
    pub fn ids(&self, table: &str) -> Vec<String> {
        let id = self.hex_of_id();
        self.texts(&format!(
            "SELECT {id} AS value FROM {table} ORDER BY {table}.id"
        ))
    }

    /// An id as text, in this engine's words.
    pub fn hex_of_id(&self) -> &'static str {
        match self.app.store.place() {
            Place::Sqlite(_) => "lower(hex(id))",
            Place::Postgres(_) => "encode(id, 'hex')",
        }
    }

    pub fn operator(&self) -> Actor {
        Actor::Operator { org: self.app.org }
    }

    /// What `attune verify` would print.
    ///
    /// # Panics
    /// When an invariant is broken.
    pub fn verified(&self) -> Verification {
        let found = verify(&self.app).expect("the database can be read");
        assert!(found.broken.is_empty(), "{:#?}", found.broken);
        found
    }

    /// Some of the counts of [`House::verified`].
    pub fn counts<const N: usize>(&self, names: [&str; N]) -> [usize; N] {
        let found = self.verified();
        names.map(|name| found.counts[name])
    }

    /// What stands in the database, apart from heartbeats and sign-ins: for "this changed nothing".
    pub fn snapshot(&self) -> Vec<String> {
        // A write that nobody waits for may still be on its way.
        self.run_sql("UPDATE heartbeat SET worker = worker");
        let mut seen: Vec<String> = TABLES
            .iter()
            .map(|table| {
                format!(
                    "{table}: {}",
                    self.texts(&format!(
                        "SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"
                    ))[0]
                )
            })
            .collect();
        for states in STATES {
            seen.extend(self.texts(states));
        }
        seen
    }

    /// Stops the site and starts it again over the same data, with a key of these bytes. The first one is of sevens.
    pub fn start_again(&mut self, key: [u8; 32]) {
        if let Some((handle, thread)) = self.web.take() {
            wait_for(handle.stop(false));
            thread.join().expect("the server ends well");
        }
        let place = self.app.store.place().clone();
        self.app.store.close();
        self.app.store = Store::open(place, Seal::new(key)).expect("the database opens again");
        let listener = TcpListener::bind(self.address).expect("the port is free again");
        self.web = Some(serve(self.app.clone(), listener));
    }

    /// The texts of a query's one column, which it calls `value`.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let query = query.to_owned();
        let rows = self.app.store.read_blocking(move |tx| texts(tx, &query));
        rows.expect("the test's query is good")
    }

    /// A query's one number.
    pub fn number(&self, from_and_where: &str) -> usize {
        let query = format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {from_and_where}");
        self.texts(&query)[0].parse().expect("a count is a number")
    }

    /// Runs a statement behind the program's back.
    pub fn run_sql(&self, statement: &str) -> usize {
        let statement = statement.to_owned();
        let done = self
            .app
            .store
            .write_blocking(move |tx| run_sql(tx, &statement));
        self.app.store.forget_words();
        done.expect("the test's statement is good")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.web.take() {
            wait_for(handle.stop(false));
            let _ = thread.join();
        }
        self.app.store.close();
    }
}

/// Tables in which a request may leave something.
const TABLES: &[&str] = &[
    "administration",
    "link",
    "response",
    "score",
    "episode_scale",
    "flag",
    "flag_act",
    "flag_answer",
    "signal",
    "flag_answer",
    "closing",
    "known_level",
    "signal",
    "outbox",
    "task",
    "audit_event",
    "patient",
    "episode",
    "staff",
    "instrument_permission",
    "rescore",
    "rescored",
    "correction",
    "in_error",
];
/// What may change without a row more or less.
const STATES: &[&str] = &[
    "SELECT state || ' ' || CASE WHEN opened_at IS NULL THEN 'unopened' ELSE 'opened' END AS value FROM administration ORDER BY id",
    "SELECT CASE WHEN revoked_at IS NULL THEN 'good' ELSE 'revoked' END AS value FROM link ORDER BY id",
    "SELECT state || ' ' || answers AS value FROM response ORDER BY id",
    "SELECT state || ' ' || CAST(answer AS TEXT) AS value FROM flag ORDER BY id",
    "SELECT state AS value FROM outbox ORDER BY id",
    "SELECT CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END AS value FROM task ORDER BY id",
];

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    value: String,
}

pub fn texts(tx: &mut Tx, query: &str) -> Result<Vec<String>, Fault> {
    let rows: Vec<Value> = match &mut tx.db {
        Db::Postgres(db) => diesel::sql_query(query).load(db)?,
        Db::Sqlite(db) => diesel::sql_query(query).load(db)?,
    };
    Ok(rows.into_iter().map(|row| row.value).collect())
}

pub fn run_sql(tx: &mut Tx, statement: &str) -> Result<usize, Fault> {
    Ok(match &mut tx.db {
        Db::Postgres(db) => diesel::sql_query(statement).execute(db)?,
        Db::Sqlite(db) => diesel::sql_query(statement).execute(db)?,
    })
}

/// Where a patient's invitations go.
pub fn address_of(id: &str) -> String {
    format!("{}@patients.example.org", id.to_lowercase())
}

/// Waits for a verb.
pub fn wait_for<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime can be made").block_on(work)
}

fn serve(app: App, listener: TcpListener) -> (ServerHandle, JoinHandle<()>) {
    let (tell, handle) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let site = attune::web::Site::new(app, Some(CRISIS_LINE.into()), None)
                .with_text_secret(TEXT_SECRET);
            let server = attune::web::serve(site, listener, 1).expect("the listener is good");
            tell.send(server.handle()).expect("the test waits");
            server.await.expect("the server ends well");
        });
    });
    (handle.recv().expect("the server starts"), thread)
}

fn found(tx: &mut Tx, now: NaiveDateTime) -> Result<(OrgId, Places, People), Fault> {
    let org = accounts::found_if_new(tx, now)?.id;
    organisation::rename(tx, org, "Harbor Care", "America/Chicago")?;
    organisation::set_words(tx, org, Some(CRISIS_LINE), "before your next visit")?;
    let places = Places {
        north: fresh(now),
        south: fresh(now),
        program: fresh(now),
    };
    for (id, external_id, name) in [
        (places.north, "north", "North House"),
        (places.south, "south", "South House"),
    ] {
        organisation::add_clinic(
            tx,
            &ClinicRow {
                org_id: org,
                id,
                external_id: external_id.into(),
                name: name.into(),
            },
        )?;
    }
    let program = ProgramRow {
        org_id: org,
        id: places.program,
        external_id: "main".into(),
        name: "Outpatient".into(),
    };
    organisation::add_program(tx, &program)?;
    let mut person = |name: &str, role, licence: Option<&str>, clinics: &[ClinicId]| {
        hire(tx, org, name, role, licence, clinics, now)
    };
    let people = People {
        therapist: person("Lee", Role::Therapist, Some("LCSW 1"), &[places.north])?,
        unlicensed: person("Kim", Role::Therapist, None, &[places.north])?,
        supervisor: person("Sam", Role::Supervisor, Some("PSY 2"), &[places.north])?,
        elsewhere: person("Sou", Role::Therapist, Some("LCSW 3"), &[places.south])?,
        quality: person("Quinn", Role::Quality, None, &[])?,
        administrator: person("Ada", Role::Administrator, None, &[])?,
    };
    Ok((org, places, people))
}

/// Hashing is slow on purpose: once is enough for everybody.
fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| accounts::hash_password(PASSWORD).expect("a good password"))
}

fn hire(
    tx: &mut Tx,
    org: OrgId,
    name: &str,
    role: Role,
    licence: Option<&str>,
    clinics: &[ClinicId],
    now: NaiveDateTime,
) -> Result<Person, Fault> {
    let row = StaffRow {
        org_id: org,
        id: fresh(now),
        email: format!("{}@staff.example.org", name.to_lowercase()),
        name: format!("{name} Hartwell"),
        role: role.word().into(),
        licence: licence.map(str::to_owned),
        state: StaffState::Invited.word().into(),
        password_hash: None,
        created_at: now,
    };
    staff::add(tx, &row, clinics)?;
    staff::set_password(tx, org, row.id, password_hash())?;
    let actor = StaffActor {
        org,
        id: row.id,
        role,
        licence: licence.map(|text| Licence(text.into())),
        clinics: clinics.to_vec(),
    };
    Ok(Person {
        id: row.id,
        email: row.email,
        actor: Actor::Staff(actor),
    })
}
