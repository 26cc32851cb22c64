//! Closed sets of words, such as the values of a setting: declared once, beside the type
//! they stand for. Not here: how they are read from a file (`surface::setting`).

/// A type each value of which has one word.
pub trait Words: Copy + Sized + 'static {
    /// Every value with its word.
    const WORDS: &'static [(&'static str, Self)];
    /// The words alone.
    const NAMES: &'static [&'static str];

    /// The word of this value.
    #[must_use]
    fn word(self) -> &'static str;

    /// The value of a word.
    #[must_use]
    fn of_word(text: &str) -> Option<Self> {
        let mut words = Self::WORDS.iter();
        words
            .find(|(word, _)| *word == text)
            .map(|&(_, value)| value)
    }
}

/// Gives each variant of an enum its word. A variant without one does not compile.
#[macro_export]
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $crate::word::Words for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
            const NAMES: &'static [&'static str] = &[$($word),*];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}
