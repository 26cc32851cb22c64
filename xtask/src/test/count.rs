//! Sums the result lines that each test binary prints. What failed, and why, stays in
//! cargo's own output.

/// Totals over all test binaries of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Counts {
    /// Adds a line of the form
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`; others are ignored.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = result.split_whitespace().collect();
        for pair in words.windows(2) {
            if let [number, what] = pair
                && let Ok(number) = number.parse::<u64>()
            {
                match *what {
                    "passed;" => self.passed += number,
                    "failed;" => self.failed += number,
                    "ignored;" => self.ignored += number,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up_and_test_lines_do_not_count() {
        let mut counts = Counts::default();
        for line in [
            "running 4 tests",
            "test says_9_passed; ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            counts.add_line(line);
        }
        let expected = Counts {
            passed: 13,
            failed: 2,
            ignored: 1,
        };
        assert_eq!(counts, expected);
    }
}
