//! Invented names and the staff of the invented organisation. First and family names are common ones from many places, put together by
//! chance: whoever bears such a name is not meant. Addresses are at example.org, which belongs to nobody (RFC 2606).

use super::chance::Chance;
use crate::domain::access::Role;
use crate::domain::ids::{ClinicId, StaffId};
use crate::domain::risk::{Candidate, Standing, Supervision};

#[rustfmt::skip]
const FIRST: [&str; 96] = [
    "Aaliyah", "Adrian", "Aiko", "Alejandra", "Amara", "Amit", "Ana", "Andre", "Anika", "Arjun", "Asha",
    "Astrid", "Ben", "Bianca", "Bo", "Callum", "Camila", "Carmen", "Cedric", "Chidi", "Chloe", "Claire",
    "Dalia", "Daniel", "Darius", "Delia", "Diego", "Dina", "Ebony", "Eduardo", "Elena", "Eli", "Emeka",
    "Erin", "Esther", "Fatima", "Felix", "Fiona", "Gabriel", "Grace", "Hana", "Hassan", "Helen", "Hugo",
    "Ibrahim", "Imani", "Ines", "Isaac", "Ivy", "Jada", "Jamal", "Jasmine", "Joel", "Jonas", "Juana", "Kai",
    "Karim", "Keisha", "Kenji", "Laila", "Leah", "Leon", "Lien", "Lucia", "Malik", "Mara", "Marcus", "Maya",
    "Mei", "Miguel", "Mina", "Nadia", "Naomi", "Nia", "Noah", "Noor", "Olga", "Omar", "Paulo", "Priya",
    "Quinn", "Rafael", "Ravi", "Rosa", "Ruth", "Samir", "Selma", "Sofia", "Tariq", "Tess", "Thandi", "Tomas",
    "Uma", "Vera", "Yusuf", "Zoe",
];

#[rustfmt::skip]
const FAMILY: [&str; 96] = [
    "Abara", "Adeyemi", "Ahmed", "Alvarez", "Andersen", "Aquino", "Baker", "Banerjee", "Barros", "Bauer",
    "Begay", "Bishop", "Bui", "Calderon", "Cardoso", "Carver", "Castillo", "Chandra", "Chavez", "Cohen",
    "Coleman", "Cruz", "Dalton", "Das", "Delgado", "Diaz", "Dubois", "Eze", "Farah", "Ferreira", "Fields",
    "Flores", "Fofana", "Forde", "Fuentes", "Garza", "Gill", "Greene", "Haddad", "Harjo", "Hayes", "Herrera",
    "Hoang", "Holt", "Hussain", "Ito", "Jansen", "Jimenez", "Kamara", "Kaplan", "Keller", "Khoury", "Kim",
    "Kovacs", "Lam", "Larsen", "Lopes", "Lowe", "Mahoney", "Mbeki", "Medina", "Mendez", "Mensah", "Mishra",
    "Molina", "Moreau", "Mwangi", "Navarro", "Nguyen", "Novak", "Nunez", "Okafor", "Olsen", "Ortega", "Owusu",
    "Park", "Patel", "Pham", "Quiroga", "Ramos", "Reyes", "Rossi", "Saito", "Salazar", "Santos", "Shah",
    "Silva", "Singh", "Sosa", "Tanaka", "Torres", "Tran", "Vargas", "Walsh", "Whitehorse", "Yilmaz",
];

/// A name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    first: &'static str,
    family: &'static str,
}

impl Name {
    /// A name by chance.
    pub fn draw(chance: &mut Chance) -> Name {
        Name {
            first: chance.pick::<&str>(&FIRST),
            family: chance.pick::<&str>(&FAMILY),
        }
    }

    /// As people read it.
    pub fn full(&self) -> String {
        format!("{} {}", self.first, self.family)
    }

    /// An address that nobody else of the organisation has, as `mark` is theirs alone.
    pub fn address(&self, mark: &str) -> String {
        format!("{}.{}{mark}@example.org", self.first, self.family).to_lowercase()
    }
}

/// Somebody who works in the invented organisation.
#[derive(Debug, Clone)]
pub struct Colleague {
    /// Id.
    pub id: StaffId,
    /// Name with title.
    pub name: String,
    /// Address; also what they sign in with.
    pub email: String,
    /// What their account is for.
    pub role: Role,
    /// Licence to practise, if any.
    pub licence: Option<String>,
    /// Positions of their clinics in the organisation's list.
    pub clinics: Vec<usize>,
}

/// How many clinics, programs and kinds of staff there are.
pub const CLINICS: usize = 3;
const THERAPISTS: usize = 12;

/// Everybody: twelve therapists (ten of them licensed), a supervisor for each clinic, one person for quality and one who runs the site.
pub fn colleagues(
    chance: &mut Chance,
    mut id: impl FnMut(&mut Chance) -> StaffId,
) -> Vec<Colleague> {
    let therapists = (0..THERAPISTS).map(|n| (Role::Therapist, n, therapist_clinics(n)));
    let supervisors = (0..CLINICS).map(|n| (Role::Supervisor, n, vec![n]));
    let others = [
        (Role::Quality, 0, (0..CLINICS).collect()),
        (Role::Administrator, 0, (0..CLINICS).collect()),
    ];
    let mut everybody: Vec<Colleague> = vec![];
    for (role, n, clinics) in therapists.chain(supervisors).chain(others) {
        let name = unused_name(chance, &everybody);
        let licence = licence(role, n, chance);
        everybody.push(Colleague {
            id: id(chance),
            email: name.address(""),
            name: name.full(),
            role,
            licence,
            clinics,
        });
    }
    everybody
}

fn unused_name(chance: &mut Chance, taken: &[Colleague]) -> Name {
    let mut name = Name::draw(chance);
    while taken.iter().any(|other| other.email == name.address("")) {
        name = Name::draw(chance);
    }
    name
}

/// One clinic each; every fourth works in a second one too.
fn therapist_clinics(n: usize) -> Vec<usize> {
    let home = n % CLINICS;
    if n % 4 == 3 {
        vec![home, (home + 1) % CLINICS]
    } else {
        vec![home]
    }
}

/// The last two therapists are trainees; quality and administration do not practise.
fn licence(role: Role, n: usize, chance: &mut Chance) -> Option<String> {
    let title = match role {
        Role::Therapist if n >= THERAPISTS - 2 => return None,
        Role::Therapist => *chance.pick(&["LCSW", "LMFT", "LPC", "PsyD"]),
        Role::Supervisor => *chance.pick(&["PhD", "MD"]),
        Role::Quality | Role::Administrator => return None,
    };
    Some(format!("{title} {}", chance.whole(10_000, 99_999)))
}

/// The staff as possible owners of a flag.
pub fn candidates(staff: &[Colleague], clinics: &[ClinicId]) -> Vec<Candidate> {
    staff
        .iter()
        .map(|person| Candidate {
            id: person.id,
            standing: if person.licence.is_some() {
                Standing::Eligible
            } else {
                Standing::Ineligible
            },
            answers_for_queue: if person.role == Role::Supervisor {
                Supervision::Supervises
            } else {
                Supervision::DoesNot
            },
            clinics: person
                .clinics
                .iter()
                .filter_map(|&at| clinics.get(at).copied())
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fresh;

    #[test]
    fn every_clinic_has_a_licensed_supervisor_and_no_address_is_there_twice() {
        let mut chance = Chance::of(1, 0);
        let staff = colleagues(&mut chance, |_| fresh(chrono::NaiveDateTime::default()));
        for clinic in 0..CLINICS {
            let licensed =
                |person: &&Colleague| person.clinics.contains(&clinic) && person.licence.is_some();
            assert!(
                staff
                    .iter()
                    .filter(licensed)
                    .any(|person| person.role == Role::Supervisor)
            );
        }
        let mut addresses: Vec<_> = staff.iter().map(|person| &person.email).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), staff.len());
        assert_eq!(
            staff
                .iter()
                .filter(|person| person.role == Role::Therapist && person.licence.is_some())
                .count(),
            10
        );
    }
}
