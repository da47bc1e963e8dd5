//! Statements that are written out by hand so that they stay prepared. Diesel plans an UPDATE anew on every execution, because the columns it sets may differ
//! from call to call, and walks through a join twice to find the plan it kept; on the way of a patient's answer that was a fifth of the work. The text is the same
//! on both engines; the values are bound.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// A statement without values, such as `COMMIT`.
pub(super) struct Plain<'a>(pub &'a str);

impl QueryId for Plain<'_> {
    type QueryId = ();
    // Told apart by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Plain<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl<C> RunQueryDsl<C> for Plain<'_> {}

/// Declares a statement: its values with their Rust and SQL types, for one that reads the SQL types of a row, and its text with the values in their places.
macro_rules! kept {
    ($(#[$meta:meta])* $name:ident<$life:lifetime> { $($value:ident: $rust:ty => $sql:ty),+ $(,)? } $(-> $row:ty;)? $($text:literal $place:ident)+ $(; $tail:literal)?) => {
        $(#[$meta])*
        struct $name<$life> { $($value: $rust),+ }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<C> diesel::RunQueryDsl<C> for $name<'_> {}

        $(impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $row;
        })?

        $crate::store::kept::kept!(@on diesel::sqlite::Sqlite, $name { $($value => $sql),+ } $($text $place)+ $(; $tail)?);
        $crate::store::kept::kept!(@on diesel::pg::Pg, $name { $($value => $sql),+ } $($text $place)+ $(; $tail)?);
    };
    (@on $engine:ty, $name:ident { $($value:ident => $sql:ty),+ } $($text:literal $place:ident)+ $(; $tail:literal)?) => {
        impl diesel::query_builder::QueryFragment<$engine> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: diesel::query_builder::AstPass<'_, 'b, $engine>) -> diesel::QueryResult<()> {
                // Each value is bound with the type declared for it.
                $(let $value = |out: &mut diesel::query_builder::AstPass<'_, 'b, $engine>| out.push_bind_param::<$sql, _>(&self.$value);)+
                $(out.push_sql($text); $place(&mut out)?;)+
                $(out.push_sql($tail);)?
                Ok(())
            }
        }
    };
}
pub(super) use kept;

/// Declares a statement over many rows at once, for PostgreSQL, and the row: its values with their Rust and SQL types, the SQL type of the one column it finds, and its text
/// with the rows in their place, a table `given` with a column for each value. Each column is bound as an array, so that the text is the same however many rows there are.
macro_rules! kept_rows {
    ($(#[$meta:meta])* $name:ident<$life:lifetime> of $row:ident { $($value:ident: $rust:ty => $sql:ty),+ $(,)? } => $found:ty; $head:literal given $tail:literal) => {
        struct $row<$life> { $($value: $rust),+ }

        $(#[$meta])*
        struct $name<$life> { $($value: Vec<$rust>),+ }

        impl<$life> FromIterator<$row<$life>> for $name<$life> {
            fn from_iter<I: IntoIterator<Item = $row<$life>>>(rows: I) -> Self {
                let mut columns = $name { $($value: vec![]),+ };
                for row in rows {
                    $(columns.$value.push(row.$value);)+
                }
                columns
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $found;
        }

        impl<C> diesel::RunQueryDsl<C> for $name<'_> {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(&'b self, mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>) -> diesel::QueryResult<()> {
                out.push_sql($head);
                let mut between = "unnest(";
                $(
                    out.push_sql(between);
                    out.push_bind_param::<diesel::sql_types::Array<$sql>, _>(&self.$value)?;
                    between = ", ";
                )+
                out.push_sql(")");
                between = " AS given (";
                for name in [$(stringify!($value)),+] {
                    out.push_sql(between);
                    out.push_sql(name);
                    between = ", ";
                }
                out.push_sql(")");
                out.push_sql($tail);
                Ok(())
            }
        }
    };
}
pub(super) use kept_rows;
