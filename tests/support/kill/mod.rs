//! A program that dies at the k-th system call that writes: `at.c` is loaded into it, and shares a small file with the test that says which call is the last
//! and how many there were. With the power off, what it had not flushed is lost too. Not: what the program does until then.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::TemporaryFolder;
use super::process::Site;

const ORDER_BYTES: usize = 256;
const ARMED: u64 = 0;
const KILL_AT: u64 = 8;
const COUNT: u64 = 16;
const WHAT: usize = 24;

/// `at.c`, compiled.
pub struct Switch {
    library: PathBuf,
}

/// What is agreed with the one program that runs with it.
pub struct Order {
    library: PathBuf,
    file: File,
    path: PathBuf,
    undo: PathBuf,
}

impl Switch {
    /// Compiles it into this folder.
    ///
    /// # Panics
    /// Without a C compiler; the program cannot be built without one either.
    pub fn compiled_in(folder: &TemporaryFolder) -> Switch {
        let library = folder.path().join("at.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/kill/at.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&library, &source])
            .output()
            .expect("crashes are rehearsed with a C compiler, cc: install one (Debian: build-essential)");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Switch { library }
    }

    /// An order in this folder that counts nothing yet.
    pub fn order(&self, folder: &TemporaryFolder) -> Order {
        let path = folder.write("kill-at", [0; ORDER_BYTES]);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        Order {
            library: self.library.clone(),
            file: file.expect("a file that was just written opens"),
            path,
            undo: folder.path().join("kill-undo"),
        }
    }
}

impl Order {
    /// Lets the site's next processes obey.
    pub fn given_to(&self, site: &mut Site) {
        site.set("LD_PRELOAD", &self.library.display().to_string());
        site.set("KILL_AT", &self.path.display().to_string());
        site.set("KILL_UNDO", &self.undo.display().to_string());
    }

    /// Lets the site's next processes live.
    pub fn taken_from(site: &mut Site) {
        site.unset("LD_PRELOAD");
        site.unset("KILL_AT");
        site.unset("KILL_UNDO");
    }

    /// Counts from now on, keeps what is overwritten, and ends the process at this call; 0: only counts.
    pub fn begin(&self, kill_at: u64) {
        self.put(COUNT, 0);
        self.put(KILL_AT, kill_at);
        self.put(ARMED, 1);
    }

    /// The calls since [`Order::begin`], the fatal one included.
    pub fn count(&self) -> u64 {
        let bytes = self.read();
        let count = bytes[COUNT as usize..][..8].try_into();
        u64::from_ne_bytes(count.expect("eight bytes"))
    }

    /// The call that was not made any more and on what; empty when there was none.
    pub fn what(&self) -> String {
        let bytes = self.read();
        let text = bytes[WHAT..].split(|byte| *byte == 0).next();
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }

    /// Takes back what the dead program wrote to the database's files in this folder since [`Order::begin`] and did not flush: with the power the cache is lost.
    /// Says how many writes that were.
    pub fn lose_power(&self, folder: &Path) -> usize {
        let log = std::fs::read(&self.undo).unwrap_or_default();
        let mut lost: HashMap<String, Vec<Undo<'_>>> = HashMap::new();
        let mut rest = &log[..];
        while let Some((undo, after)) = Undo::read(rest) {
            rest = after;
            match undo.kind {
                Undo::WRITTEN => lost.entry(undo.name.clone()).or_default().push(undo),
                _ => lost.entry(undo.name).or_default().clear(),
            }
        }
        std::fs::write(&self.undo, []).expect("the log can be emptied");
        for (name, writes) in &lost {
            let file = OpenOptions::new().write(true).open(folder.join(name));
            let file = file.expect("a file that was written to is there");
            for undo in writes.iter().rev() {
                let undone = file.write_all_at(undo.stood, undo.at);
                undone.expect("what stood there can be written");
                file.set_len(undo.size_before).expect("a file can be cut");
            }
            // The map of the log is shared memory.
            if let Some(database) = name.strip_suffix("-wal") {
                let _ = std::fs::remove_file(folder.join(format!("{database}-shm")));
            }
        }
        lost.values().map(Vec::len).sum()
    }

    fn put(&self, at: u64, value: u64) {
        let written = self.file.write_all_at(&value.to_ne_bytes(), at);
        written.expect("a shared file can be written");
    }

    fn read(&self) -> [u8; ORDER_BYTES] {
        let mut bytes = [0; ORDER_BYTES];
        let read = self.file.read_exact_at(&mut bytes, 0);
        read.expect("a shared file can be read");
        bytes
    }
}

/// What stood where something was written; or that a file was flushed.
struct Undo<'a> {
    kind: u64,
    at: u64,
    size_before: u64,
    name: String,
    stood: &'a [u8],
}

impl<'a> Undo<'a> {
    const WRITTEN: u64 = 1;
    const HEAD: usize = 4 * 8 + 96;

    fn read(log: &'a [u8]) -> Option<(Undo<'a>, &'a [u8])> {
        let (head, rest) = log.split_at_checked(Self::HEAD)?;
        let number = |place: usize| {
            let bytes = head[place * 8..][..8].try_into();
            u64::from_ne_bytes(bytes.expect("eight bytes"))
        };
        let name = head[32..].split(|byte| *byte == 0).next();
        let (stood, rest) = rest.split_at_checked(usize::try_from(number(2)).ok()?)?;
        let undo = Undo {
            kind: number(0),
            at: number(1),
            size_before: number(3),
            name: String::from_utf8_lossy(name.unwrap_or_default()).into_owned(),
            stood,
        };
        Some((undo, rest))
    }
}
