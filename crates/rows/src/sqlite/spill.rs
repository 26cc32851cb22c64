//! How much a statement writes to the disk: to its tenant's file, and where it sorts or keeps
//! rows aside. SQLite bounds the one by the file's size and the other not at all.
//!
//! The count is of the thread that runs the statement, as Linux keeps it; where there is none,
//! nothing is bounded here.

use std::fs;

/// What one statement may write, bytes.
pub(super) const MOST: u64 = 256 << 20;
/// Looks at the brake between two of the count.
const STRIDE: u32 = 16;

/// What one statement has written.
#[derive(Default)]
pub(super) struct Spill {
    looks: u32,
    begun: Option<u64>,
}

impl Spill {
    /// Whether it is too much. To be asked on the statement's thread, now and then.
    pub(super) fn is_too_much(&mut self) -> bool {
        self.looks = self.looks.wrapping_add(1);
        if self.looks % STRIDE != 1 {
            return false;
        }
        let Some(written) = written() else {
            return false;
        };
        let begun = *self.begun.get_or_insert(written);
        written.saturating_sub(begun) > MOST
    }
}

/// What this thread has written since it began, bytes.
fn written() -> Option<u64> {
    let counts = fs::read_to_string("/proc/thread-self/io").ok()?;
    let count = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
    count?.trim().parse().ok()
}
