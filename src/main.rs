//! The program: reads its words and hands over to `cli`.

#![forbid(unsafe_code)]

/// Pages are built of many small strings on several threads, which the C library's own allocator does a tenth slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(attune::cli::main().code())
}
