//! How a closed set of states is written down: one macro that gives an enum its stored word and reads it back.
//! The words are the field's own; they appear in the database, in exports and in the control protocol.

/// A word that belongs to no known state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// What the word should have named.
    pub kind: &'static str,
    /// The word that was seen.
    pub seen: String,
}

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is not a {}", self.seen, self.kind)
    }
}

impl std::error::Error for UnknownWord {}

/// Declares an enum together with the stored word of each variant.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every state there is, in the order of its declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for this state wherever it is stored or exported.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::words::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok($name::$variant),)+
                    other => Err($crate::domain::words::UnknownWord {
                        kind: stringify!($name),
                        seen: other.to_owned(),
                    }),
                }
            }
        }
    };
}

pub(crate) use words;
