//! How fast strangers may guess: at links by address, at passwords by account and by address. Counts live in memory; a restart forgives.

use governor::{DefaultKeyedRateLimiter, Quota};
use std::net::IpAddr;
use std::num::NonZeroU32;

/// The limiters of one process.
pub struct Throttle {
    links: DefaultKeyedRateLimiter<IpAddr>,
    sign_ins_by_address: DefaultKeyedRateLimiter<IpAddr>,
    sign_ins_by_account: DefaultKeyedRateLimiter<String>,
}

/// Keys beyond this are forgotten when they are idle, so that an attacker cannot fill the memory.
const KEYS_MOST: usize = 50_000;

impl Default for Throttle {
    fn default() -> Self {
        let a_minute =
            |times: u32| Quota::per_minute(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN));
        Throttle {
            links: DefaultKeyedRateLimiter::keyed(a_minute(30)),
            sign_ins_by_address: DefaultKeyedRateLimiter::keyed(a_minute(30)),
            sign_ins_by_account: DefaultKeyedRateLimiter::keyed(a_minute(10)),
        }
    }
}

impl Throttle {
    /// Whether this address has tried too many links that do not exist. Counts one more.
    pub fn is_guessing(&self, from: Option<IpAddr>) -> bool {
        tidy(&self.links);
        from.is_some_and(|address| self.links.check_key(&address).is_err())
    }

    /// Whether somebody may try a password now. Counts one more.
    pub fn may_try_password(&self, account: &str, from: Option<IpAddr>) -> bool {
        tidy(&self.sign_ins_by_address);
        tidy(&self.sign_ins_by_account);
        let by_address =
            from.is_none_or(|address| self.sign_ins_by_address.check_key(&address).is_ok());
        by_address
            && self
                .sign_ins_by_account
                .check_key(&account.to_owned())
                .is_ok()
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
