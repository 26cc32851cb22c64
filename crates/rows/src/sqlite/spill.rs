//! How much a statement writes to the disk: to its tenant's file, and where it sorts or keeps
//! rows aside. SQLite bounds the one by the file's size and the other not at all. What writes
//! much also leaves the disk its room.
//!
//! The count is of the thread that runs the statement, as Linux keeps it; where there is none,
//! nothing is bounded here.

use super::open;
use std::fs;
use std::path::{Path, PathBuf};

/// What one statement may write, bytes.
pub(super) const MOST: u64 = 256 << 20;
/// Strides of the brake's between two looks at the count.
const STRIDE: u64 = 256;

/// What one may write between two looks at the disk, bytes.
const PIECE: u64 = 8 << 20;

/// What one statement has written.
pub(super) struct Spill {
    /// A file on the disk, and how much of the disk it leaves.
    path: PathBuf,
    left: u64,
    /// How much it had written when the disk was looked at.
    seen: u64,
    strides: u64,
    begun: Option<u64>,
}

impl Spill {
    /// Nothing yet.
    pub(super) fn new(path: &Path, left: u64) -> Self {
        Self {
            path: path.to_owned(),
            left,
            seen: 0,
            strides: 0,
            begun: None,
        }
    }

    /// Notes a stride; answers how many there were.
    pub(super) const fn stride(&mut self) -> u64 {
        self.strides = self.strides.wrapping_add(1);
        self.strides
    }

    /// Whether it is too much. To be asked on the statement's thread, after each stride.
    pub(super) fn is_too_much(&mut self) -> bool {
        if self.strides % STRIDE != 1 {
            return false;
        }
        let Some(written) = written() else {
            return false;
        };
        let begun = *self.begun.get_or_insert(written);
        let much = written.saturating_sub(begun);
        if much > self.seen + PIECE {
            self.seen = much;
            return much > MOST || open::has_less(&self.path, self.left);
        }
        much > MOST
    }
}

/// What this thread has written since it began, bytes.
fn written() -> Option<u64> {
    let counts = fs::read_to_string("/proc/thread-self/io").ok()?;
    let count = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    count?.trim().parse().ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// What writes much looks at the disk now and then.
    #[test]
    fn a_statement_that_writes_much_leaves_the_disk_its_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        for (left, stops) in [(0, false), (u64::MAX, true)] {
            let mut spill = Spill::new(&path, left);
            let mut turn = || (0..STRIDE).any(|_| spill.stride() > 0 && spill.is_too_much());
            assert!(!turn());
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(&vec![0; 9 << 20]).unwrap();
            assert_eq!(turn(), stops, "{left}");
        }
    }
}
