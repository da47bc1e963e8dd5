//! How fast strangers may guess: at links, years and tablet codes by the network they come from, at passwords by account and by address (of IPv6, by network), apart from where the account's owner signed in before. Counts live
//! in memory; a restart forgives (wrong years are also counted on their link, in the database).

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The limiters of one process.
pub struct Throttle {
    links: DefaultKeyedRateLimiter<IpAddr>,
    codes: DefaultKeyedRateLimiter<IpAddr>,
    all_codes: DefaultDirectRateLimiter,
    sign_ins_by_address: DefaultKeyedRateLimiter<IpAddr>,
    sign_ins_by_account: DefaultKeyedRateLimiter<String>,
    sign_ins_from_home: DefaultKeyedRateLimiter<Home>,
    homes: Mutex<HashSet<Home>>,
}

/// An account, and an address from which its owner signed in.
type Home = (String, IpAddr);

/// Keys beyond this are forgotten when they are idle, so that an attacker cannot fill the memory.
const KEYS_MOST: usize = 50_000;

impl Default for Throttle {
    fn default() -> Self {
        let a_minute =
            |times: u32| Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN));
        Throttle {
            links: DefaultKeyedRateLimiter::keyed(a_minute(30)),
            codes: DefaultKeyedRateLimiter::keyed(a_minute(10)),
            // A code has thirty bits and lives ten minutes: whoever has ten thousand networks gets no further than this.
            all_codes: DefaultDirectRateLimiter::direct(a_minute(120)),
            sign_ins_by_address: DefaultKeyedRateLimiter::keyed(a_minute(30)),
            sign_ins_by_account: DefaultKeyedRateLimiter::keyed(a_minute(10)),
            sign_ins_from_home: DefaultKeyedRateLimiter::keyed(a_minute(10)),
            homes: Mutex::default(),
        }
    }
}

impl Throttle {
    /// Whether too many links that do not exist, or years that do not fit, came from this network. Counts one more.
    pub fn is_guessing(&self, from: Option<IpAddr>) -> bool {
        tidy(&self.links);
        from.is_some_and(|address| self.links.check_key(&network(address)).is_err())
    }

    /// Whether somebody of this network may try a tablet's code now. Counts one more.
    pub fn may_try_code(&self, from: Option<IpAddr>) -> bool {
        tidy(&self.codes);
        let by_network = from.is_none_or(|address| self.codes.check_key(&network(address)).is_ok());
        by_network && self.all_codes.check().is_ok()
    }

    /// Whether somebody may try a password now. Counts one more.
    ///
    /// Strangers share their tries at an account, wherever they come from; where its owner signed in before, they have tries of their own, so that nobody who guesses from
    /// elsewhere keeps a clinician from a crisis.
    pub fn may_try_password(&self, account: &str, from: Option<IpAddr>) -> bool {
        tidy(&self.sign_ins_by_address);
        tidy(&self.sign_ins_by_account);
        tidy(&self.sign_ins_from_home);
        let by_address = from.is_none_or(|address| {
            self.sign_ins_by_address
                .check_key(&household(address))
                .is_ok()
        });
        let home = from.map(|address| (account.to_owned(), household(address)));
        by_address
            && match home.filter(|home| self.homes().contains(home)) {
                Some(home) => self.sign_ins_from_home.check_key(&home).is_ok(),
                None => self
                    .sign_ins_by_account
                    .check_key(&account.to_owned())
                    .is_ok(),
            }
    }

    /// Notes from where somebody signed in.
    pub fn signed_in(&self, account: &str, from: Option<IpAddr>) {
        let Some(address) = from else {
            return;
        };
        let mut homes = self.homes();
        if homes.len() >= KEYS_MOST {
            homes.clear();
        }
        homes.insert((account.to_owned(), household(address)));
    }

    fn homes(&self) -> MutexGuard<'_, HashSet<Home>> {
        // A set of plain values is whole after any panic.
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network an address is in, as one customer has it: a /24 of IPv4, a /56 of IPv6. Whoever holds one holds all its addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 72)).into(),
    }
}

/// Where staff sign in from: the addresses of a clinic may fill a /24 of IPv4, but one machine may have as many of IPv6 as it likes.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => network(v6.into()),
    }
}

fn tidy<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>) {
    if limiter.len() > KEYS_MOST {
        limiter.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn whoever_guesses_links_does_not_get_further_by_another_address_of_the_same_network() {
        for (hosts, neighbour) in [
            (["203.0.113.1", "203.0.113.254"], "203.0.114.1"),
            (["::ffff:203.0.113.7", "203.0.113.8"], "::ffff:203.0.114.1"),
            (
                ["2001:db8:0:ff00::1", "2001:db8:0:ffff:8::2"],
                "2001:db8:0:fe00::1",
            ),
        ] {
            let throttle = Throttle::default();
            let tried = (0..40).filter(|n| !throttle.is_guessing(address(hosts[n % 2])));
            assert_eq!(tried.count(), 30, "{hosts:?}");
            assert!(!throttle.is_guessing(address(neighbour)), "{neighbour}");
        }
    }

    #[test]
    fn passwords_for_many_accounts_are_not_tried_faster_from_many_addresses_of_one_machine() {
        let throttle = Throttle::default();
        let tried = (0..40).filter(|n| {
            let from = address(&format!("2001:db8:0:ff{n:02}::{n}"));
            throttle.may_try_password(&format!("{n}@example.org"), from)
        });
        assert_eq!(tried.count(), 30);
        let colleague = address("203.0.113.7");
        let tried =
            (0..40).filter(|n| throttle.may_try_password(&format!("{n}@clinic.org"), colleague));
        assert_eq!(tried.count(), 30);
        assert!(throttle.may_try_password("x@clinic.org", address("203.0.113.8")));
    }

    #[test]
    fn tablet_codes_are_tried_ten_times_a_minute_from_one_network_and_no_faster_from_many() {
        let throttle = Throttle::default();
        let from_one =
            (0..20).filter(|n| throttle.may_try_code(address(&format!("203.0.113.{n}"))));
        assert_eq!(from_one.count(), 10);
        let from_many =
            (0..250).filter(|n| throttle.may_try_code(address(&format!("203.1.{n}.1"))));
        assert!((110..=115).contains(&from_many.count()));
    }

    #[test]
    fn whoever_guesses_a_password_elsewhere_keeps_nobody_out_where_they_signed_in_before() {
        let throttle = Throttle::default();
        let (account, own, other) = ("a@clinic.org", "203.0.113.7", "203.0.113.8");
        assert!(throttle.may_try_password(account, address(own)));
        throttle.signed_in(account, address(own));
        let strange = |n| address(&format!("198.51.100.{n}"));
        let tried = (0..40).filter(|n| throttle.may_try_password(account, strange(*n)));
        assert_eq!(tried.count(), 9, "one of the ten was the owner's first");
        let tried = (0..40).filter(|_| throttle.may_try_password(account, address(own)));
        assert_eq!(tried.count(), 10);
        assert!(!throttle.may_try_password(account, address(other)));
    }

    #[test]
    fn the_eleventh_password_within_a_minute_is_refused() {
        let throttle = Throttle::default();
        let tries = (0..11)
            .filter(|_| throttle.may_try_password("a@example.org", None))
            .count();
        assert_eq!(tries, 10);
        assert!(throttle.may_try_password("b@example.org", None));
    }
}
