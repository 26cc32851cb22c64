//! Paging of listings: `limit` and `after`, and the key to go on from.

/// The most rows a page may have.
pub const MAX_LIMIT: u32 = 1000;
/// The rows of a page that asks for no number.
pub const DEFAULT_LIMIT: u32 = 100;

/// A requested page: rows after the key `after`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest<K> {
    /// The last key of the page before.
    pub after: Option<K>,
    /// 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

/// The limit is not 1 to [`MAX_LIMIT`], or `after` is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit must be 1 to 1000 and after a key of the page before")]
pub struct PageError;

impl<K: std::str::FromStr> PageRequest<K> {
    /// Parses the two query parameters.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn parse(limit: Option<&str>, after: Option<&str>) -> Result<Self, PageError> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().map_err(|_| PageError)?,
        };
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(PageError);
        }
        let after = after.map(str::parse).transpose().map_err(|_| PageError)?;
        Ok(Self { after, limit })
    }
}
