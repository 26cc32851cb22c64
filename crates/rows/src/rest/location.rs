//! The path after the mount: the root, a table, or a function.

use super::MAX_NAME;
use super::error::Refusal;
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The description of everything.
    Root,
    /// A table.
    Table(String),
    /// A function.
    Function(String),
}

/// Reads it.
pub(super) fn read(path: &str) -> Result<Place, Refusal> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let decode = |name: &str| {
        let decoded = percent_decode_str(name).decode_utf8().ok()?;
        let fits = !decoded.is_empty() && decoded.len() <= MAX_NAME && !decoded.contains('\0');
        fits.then(|| decoded.into_owned())
    };
    let place = match path.split_once('/') {
        None if path.is_empty() => Some(Place::Root),
        None => decode(path).map(Place::Table),
        Some(("rpc", name)) if !name.contains('/') => decode(name).map(Place::Function),
        Some(_) => None,
    };
    place.ok_or(Refusal::PathInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_table_a_function_or_the_root() {
        for (path, expected) in [
            ("", Some(Place::Root)),
            ("/", Some(Place::Root)),
            ("/items", Some(Place::Table("items".to_owned()))),
            ("a%20b%2Fc", Some(Place::Table("a b/c".to_owned()))),
            ("/rpc/f", Some(Place::Function("f".to_owned()))),
            ("/rpc/f/g", None),
            ("/a/b", None),
            ("/a%00b", None),
            ("/%ff", None),
        ] {
            assert_eq!(read(path).ok(), expected, "{path}");
        }
        assert_eq!(read(&"a".repeat(MAX_NAME + 1)).ok(), None);
    }
}
