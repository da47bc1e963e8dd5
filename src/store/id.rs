//! Ids on their way into and out of the database, and the making of new ones. Their meaning is `domain::ids`.

use crate::domain::ids::Id;
use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Binary, Nullable};

/// A new id whose time is `now` (UUIDv7: later ids sort behind earlier ones, so that inserts append).
pub fn fresh<K>(now: NaiveDateTime) -> Id<K> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    seeded(now, &random)
}

/// An id from a given time and given randomness; for invented histories that must be the same on every run.
pub fn seeded<K>(now: NaiveDateTime, random: &[u8; 10]) -> Id<K> {
    let millis = u64::try_from(now.and_utc().timestamp_millis()).unwrap_or(0);
    Id::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
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
