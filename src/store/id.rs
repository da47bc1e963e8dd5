//! Ids and moments on their way into and out of the database, and the making of new ids. Their meaning is `domain::ids`.

use super::Db;
use crate::domain::ids::Id;
use chrono::{Datelike, NaiveDateTime, Timelike};
use diesel::backend::Backend;
use diesel::connection::Connection;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Binary, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;
use std::cell::RefCell;

/// A new id whose time is `now` (UUIDv7: later ids sort behind earlier ones, so that inserts append).
pub fn fresh<K>(now: NaiveDateTime) -> Id<K> {
    seeded(now, &POOL.with_borrow_mut(random))
}

thread_local! {
    /// Randomness for the next ids: asking the kernel each time costs as much as writing a row. An id is no secret.
    static POOL: RefCell<Vec<[u8; 10]>> = const { RefCell::new(vec![]) };
}

fn random(pool: &mut Vec<[u8; 10]>) -> [u8; 10] {
    if pool.is_empty() {
        let mut bytes = [0; 640];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        pool.extend_from_slice(bytes.as_chunks().0);
    }
    pool.pop().expect("it was filled just now")
}

/// An id from a given time and given randomness; for invented histories that must be the same on every run.
pub fn seeded<K>(now: NaiveDateTime, random: &[u8; 10]) -> Id<K> {
    let millis = u64::try_from(now.and_utc().timestamp_millis()).unwrap_or(0);
    Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
}

/// The milliseconds since 1970 that an id begins with.
pub(super) fn millis_of(id: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    if let Some(first) = id.get(..6) {
        bytes[2..].copy_from_slice(first);
    }
    u64::from_be_bytes(bytes)
}

/// The same id at another moment, in milliseconds since 1970.
pub(super) fn moved(mut id: [u8; 16], millis: u64) -> [u8; 16] {
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}

/// A moment on its way into a hand-written statement, or out of any. SQLite keeps moments as text; writing and reading that text with chrono's general formatter,
/// some ten times a submission each, cost more than the statements' lookups. Same text as diesel's own.
#[derive(Debug, Clone, Copy)]
pub struct Moment(pub NaiveDateTime);

impl ToSql<Timestamp, Sqlite> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.text());
        Ok(IsNull::No)
    }
}

impl ToSql<Timestamp, Pg> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <NaiveDateTime as ToSql<Timestamp, Pg>>::to_sql(&self.0, out)
    }
}

impl FromSql<Timestamp, Sqlite> for Moment {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Moment(Moment::read(&text)?))
    }
}

impl FromSql<Timestamp, Pg> for Moment {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(value).map(Moment)
    }
}

impl FromSql<Timestamp, <Db as Connection>::Backend> for Moment {
    fn from_sql(
        value: <<Db as Connection>::Backend as Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, <Db as Connection>::Backend>>::from_sql(value)
            .map(Moment)
    }
}

impl<DB: Backend> Queryable<Timestamp, DB> for Moment
where
    Moment: FromSql<Timestamp, DB>,
{
    type Row = Self;
    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl From<Moment> for NaiveDateTime {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

/// A moment that may not have come.
#[derive(Debug, Clone, Copy)]
pub struct Maybe(Option<Moment>);

impl<DB: Backend> Queryable<Nullable<Timestamp>, DB> for Maybe
where
    Option<Moment>: diesel::deserialize::FromStaticSqlRow<Nullable<Timestamp>, DB>,
{
    type Row = Option<Moment>;
    fn build(row: Self::Row) -> deserialize::Result<Self> {
        Ok(Maybe(row))
    }
}

impl From<Maybe> for Option<NaiveDateTime> {
    fn from(maybe: Maybe) -> Self {
        maybe.0.map(|moment| moment.0)
    }
}

impl Moment {
    /// Reads SQLite's text, in the form in which [`Moment::text`] mostly writes it without asking what form it has.
    fn read(text: &str) -> chrono::ParseResult<NaiveDateTime> {
        match Self::read_usual(text.as_bytes()) {
            Some(at) => Ok(at),
            None => NaiveDateTime::parse_from_str(text, "%F %T%.f"),
        }
    }

    fn read_usual(text: &[u8]) -> Option<NaiveDateTime> {
        let number = |from: usize, to: usize| {
            text.get(from..to)?.iter().try_fold(0_u32, |all, byte| {
                byte.is_ascii_digit()
                    .then(|| all * 10 + u32::from(byte - b'0'))
            })
        };
        let stands = |at: usize, mark: u8| (text.get(at) == Some(&mark)).then_some(());
        stands(4, b'-').and(stands(7, b'-')).and(stands(10, b' '))?;
        stands(13, b':').and(stands(16, b':'))?;
        let micros = match text.len() {
            19 => 0,
            26 => stands(19, b'.').and(number(20, 26))?,
            _ => return None,
        };
        let year = i32::try_from(number(0, 4)?).ok()?;
        chrono::NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?.and_hms_micro_opt(
            number(11, 13)?,
            number(14, 16)?,
            number(17, 19)?,
            micros,
        )
    }

    fn text(self) -> String {
        let at = self.0;
        let micros = at.nanosecond() / 1_000;
        if !(0..=9_999).contains(&at.year())
            || !at.nanosecond().is_multiple_of(1_000)
            || micros.is_multiple_of(1_000)
        {
            return at.format("%F %T%.f").to_string();
        }
        let mut text = *b"0000-00-00 00:00:00.000000";
        let mut put = |place: usize, digits: usize, mut value: u32| {
            for byte in text[place..place + digits].iter_mut().rev() {
                *byte = b'0' + u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        put(0, 4, at.year().unsigned_abs());
        put(5, 2, at.month());
        put(8, 2, at.day());
        put(11, 2, at.hour());
        put(14, 2, at.minute());
        put(17, 2, at.second());
        put(20, 6, micros);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl<K: 'static, DB> ToSql<Binary, DB> for Id<K>
where
    DB: Backend,
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <[u8] as ToSql<Binary, DB>>::to_sql(&self.bytes()[..], out)
    }
}

impl<K: 'static, DB> ToSql<Nullable<Binary>, DB> for Id<K>
where
    DB: Backend,
    Id<K>: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <Self as ToSql<Binary, DB>>::to_sql(self, out)
    }
}

impl<K: 'static> AsExpression<Binary> for Id<K> {
    type Expression = Bound<Binary, Self>;
    fn as_expression(self) -> Self::Expression {
        Bound::new(self)
    }
}

impl<'a, K: 'static> AsExpression<Binary> for &'a Id<K> {
    type Expression = Bound<Binary, &'a Id<K>>;
    fn as_expression(self) -> Self::Expression {
        Bound::new(self)
    }
}

impl<K: 'static> AsExpression<Nullable<Binary>> for Id<K> {
    type Expression = Bound<Nullable<Binary>, Self>;
    fn as_expression(self) -> Self::Expression {
        Bound::new(self)
    }
}

impl<'a, K: 'static> AsExpression<Nullable<Binary>> for &'a Id<K> {
    type Expression = Bound<Nullable<Binary>, &'a Id<K>>;
    fn as_expression(self) -> Self::Expression {
        Bound::new(self)
    }
}

impl<K: 'static, DB> FromSql<Binary, DB> for Id<K>
where
    DB: Backend,
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, DB>>::from_sql(bytes)?;
        Id::from_bytes(&bytes).ok_or_else(|| "an id has sixteen bytes".into())
    }
}

impl<K: 'static, DB> Queryable<Binary, DB> for Id<K>
where
    DB: Backend,
    Id<K>: FromSql<Binary, DB>,
{
    type Row = Self;
    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, fresh, millis_of, moved};
    use crate::domain::ids::Id;
    use chrono::{NaiveDate, NaiveDateTime};

    #[test]
    fn a_moment_is_written_as_diesel_writes_it() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 9).expect("a day");
        for micros in [0, 1, 999, 1_000, 120_000, 123_456, 999_999] {
            let at: NaiveDateTime = day.and_hms_micro_opt(3, 4, 59, micros).expect("a time");
            assert_eq!(Moment(at).text(), at.format("%F %T%.f").to_string());
        }
    }

    #[test]
    fn a_moment_is_read_as_chrono_reads_it() {
        for text in [
            "2026-01-09 03:04:59",
            "2026-01-09 03:04:59.5",
            "2026-01-09 03:04:59.120",
            "2026-01-09 03:04:59.000001",
            "2024-02-29 23:59:59.999999",
        ] {
            let wanted = NaiveDateTime::parse_from_str(text, "%F %T%.f");
            assert_eq!(Moment::read(text), wanted, "{text}");
        }
        for wrong in [
            "",
            "2026-02-29 03:04:59.120000",
            "2026-01-09T03:04:59.120000",
            "2026-01-09 03:04:5x",
            "2026-01-09 24:04:59.120000",
            "2026-01-09 03:04:59.12000é",
        ] {
            assert!(Moment::read(wrong).is_err(), "{wrong}");
        }
    }
    #[test]
    fn an_id_that_is_moved_keeps_all_but_its_moment() {
        let now = chrono::DateTime::from_timestamp_millis(1_772_000_000_123).expect("a time");
        let id: Id<()> = fresh(now.naive_utc());
        assert_eq!(millis_of(id.bytes()), 1_772_000_000_123);
        let later = moved(*id.bytes(), 1_772_000_000_124);
        assert_eq!(millis_of(&later), 1_772_000_000_124);
        assert_eq!(moved(later, 1_772_000_000_123), *id.bytes());
    }
}
