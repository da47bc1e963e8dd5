//! The program: reads its words and hands over to `cli`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(attune::cli::main().code())
}
