//! Rebuilds when an embedded file is added: the compiler itself only notices changes to files it has already read.

fn main() {
    for folder in ["assets", "migrations", "survey-defs", "templates"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
