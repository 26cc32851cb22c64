//! The name of a tenant's file: readable, one for each tenant, and the same tenant's on a file
//! system that does not tell cases apart.

use doorward_base::TenantId;
use std::fmt::Write as _;

/// What every tenant's file ends with.
const EXTENSION: &str = ".db";
/// Stands before the places of the capital letters; no tenant's id has it.
const CAPITALS: char = '~';

/// `acme-corp.db`; where the id has capital letters, in small letters and with their places:
/// bit *n* of the hexadecimal digits, lowest first, is for character *n*.
pub(super) fn of(tenant: &TenantId) -> String {
    let id = tenant.as_str();
    let mut name = id.to_ascii_lowercase();
    if name != id {
        name.push(CAPITALS);
        let mut digits = String::new();
        for four in id.as_bytes().chunks(4) {
            let set = |(at, byte): (usize, &u8)| u8::from(byte.is_ascii_uppercase()) << at;
            let digit: u8 = four.iter().enumerate().map(set).sum();
            let _ = write!(digits, "{digit:x}");
        }
        name.push_str(digits.trim_end_matches('0'));
    }
    name.push_str(EXTENSION);
    name
}

/// Whose file has this name; `None` where it is no tenant's.
pub(super) fn tenant(file: &str) -> Option<TenantId> {
    let name = file.strip_suffix(EXTENSION)?;
    let (small, digits) = name.split_once(CAPITALS).unwrap_or((name, ""));
    let capital = |at: usize| {
        let digit = digits.chars().nth(at / 4).and_then(|c| c.to_digit(16));
        digit.is_some_and(|digit| digit >> (at % 4) & 1 == 1)
    };
    let id: String = small
        .chars()
        .enumerate()
        .map(|(at, c)| {
            if capital(at) {
                c.to_ascii_uppercase()
            } else {
                c
            }
        })
        .collect();
    let tenant = TenantId::new(&id).ok()?;
    // Only the one way to write it counts.
    (of(&tenant) == file).then_some(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_readable_and_tells_cases_apart() {
        for (id, name) in [
            ("acme-corp", "acme-corp.db"),
            ("Acme-corp", "acme-corp~1.db"),
            ("acme-Corp", "acme-corp~02.db"),
            ("a.db-wal", "a.db-wal.db"),
        ] {
            assert_eq!(of(&TenantId::new(id).unwrap()), name);
        }
    }

    #[test]
    fn other_files_are_no_tenants() {
        for file in [
            "acme.db-wal",
            "acme",
            ".db",
            "Acme.db",
            "acme~.db",
            "acme~0.db",
            "acme~10.db",
            "acme~g.db",
            "../x.db",
        ] {
            assert_eq!(tenant(file), None, "{file}");
        }
    }

    #[test]
    fn the_longest_id_fits_a_directory() {
        let id = TenantId::new(&"A".repeat(128)).unwrap();
        assert!(of(&id).len() + "-journal".len() <= 255);
    }

    proptest! {
        #[test]
        fn a_name_is_of_one_tenant(id in "[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}") {
            let id = TenantId::new(&id).unwrap();
            prop_assert_eq!(tenant(&of(&id)), Some(id));
        }
    }
}
