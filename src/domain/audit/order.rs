//! The order of audit events. Their ids say it, and it is what seals go by; so it must not follow a clock that is put back. Here it is reckoned in
//! milliseconds, as ids count them; who keeps it and when it is asked is the store's business.

/// How far an event may stand behind the newest: what waits for the database was given its moment before, and machines' clocks differ a little. Half of
/// what seals leave for it.
const SLACK_MS: u64 = 10_000;

/// Where the next event stands. As long as the clock goes forward that is the clock's own moment; after it was put back, events go on behind the newest and
/// stay ahead of the clock for as long as the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Nothing of this process stands before here.
    floor: u64,
    /// The furthest place that was given or heard of.
    top: u64,
    /// By how much places run ahead of the clock.
    ahead: u64,
}

impl Order {
    /// Begins behind the newest event that is stored, at the clock's moment if that is later. All in milliseconds since 1970.
    pub fn begin(clock: u64, newest: Option<u64>) -> Order {
        let floor = newest.map_or(0, |newest| newest + 1);
        Order {
            floor,
            top: floor.max(clock),
            ahead: floor.saturating_sub(clock),
        }
    }

    /// The place of an event that happened at this moment of the clock.
    pub fn place(&mut self, clock: u64) -> u64 {
        let place = (clock + self.ahead)
            .max(self.top.saturating_sub(SLACK_MS))
            .max(self.floor);
        self.top = self.top.max(place);
        place
    }

    /// Looks at the clock itself and at the newest event stored by anybody; the place of this moment. A clock that stands far behind what is stored was put
    /// back, here or on another machine.
    pub fn look(&mut self, clock: u64, newest: Option<u64>) -> u64 {
        self.top = self.top.max(newest.unwrap_or(0));
        if clock + self.ahead + SLACK_MS < self.top {
            self.ahead = self.top - clock;
        }
        self.place(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_772_000_000_000;
    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_clock_that_goes_forward_gives_the_places() {
        let mut order = Order::begin(NOON, Some(NOON - HOUR));
        for later in [0, 1, 5, 20_000, HOUR] {
            assert_eq!(order.place(NOON + later), NOON + later);
            assert_eq!(
                order.look(NOON + later, Some(NOON + later)),
                NOON + later,
                "and looking moves nothing"
            );
        }
    }

    #[test]
    fn what_waited_a_little_keeps_its_moment_and_what_waited_long_comes_later() {
        let mut order = Order::begin(NOON, None);
        assert_eq!(order.place(NOON - 9_000), NOON - 9_000);
        assert_eq!(order.place(NOON - 11_000), NOON - SLACK_MS);
        assert_eq!(order.place(NOON + 1), NOON + 1, "the order is not ahead");
    }

    #[test]
    fn after_a_clock_was_put_back_places_go_on_where_they_were() {
        let mut order = Order::begin(NOON, None);
        order.place(NOON);
        let back = NOON - HOUR;
        assert_eq!(order.place(back), NOON - SLACK_MS, "before anybody looked");
        assert_eq!(order.look(back + 100, None), NOON);
        assert_eq!(order.place(back + 5_100), NOON + 5_000);
        assert_eq!(order.look(NOON, None), NOON + HOUR - 100);
        assert_eq!(order.place(back), NOON + HOUR - 100 - SLACK_MS);
    }

    #[test]
    fn a_process_begins_behind_what_is_stored_and_stays_there() {
        let mut order = Order::begin(NOON - HOUR, Some(NOON));
        assert_eq!(order.place(NOON - HOUR), NOON + 1);
        assert_eq!(order.place(NOON - HOUR - 5_000), NOON + 1);
        assert_eq!(order.place(NOON - HOUR + 7), NOON + 8);
    }

    #[test]
    fn a_machine_whose_clock_is_behind_follows_the_others() {
        let mut order = Order::begin(NOON, None);
        assert_eq!(order.look(NOON, Some(NOON + 9_000)), NOON);
        assert_eq!(order.look(NOON, Some(NOON + HOUR)), NOON + HOUR);
        assert_eq!(order.place(NOON + 1), NOON + HOUR + 1);
    }
}
