//! What is asked for, by name: nothing here was looked up yet.

/// Rows of one table, with what is embedded in them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Read {
    /// What each row has. Empty: every column.
    pub select: Vec<Item>,
    /// All of which hold.
    pub filters: Vec<Condition>,
    /// In which order.
    pub order: Vec<Order>,
    /// At most so many.
    pub limit: Option<u64>,
    /// After so many.
    pub offset: u64,
}

/// One part of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Item {
    /// Every column that the caller may see.
    All,
    /// One value.
    Field {
        /// Where from.
        field: Field,
        /// Under which name, if not the field's own.
        alias: Option<String>,
        /// As which type.
        cast: Option<String>,
    },
    /// One value of many rows.
    Aggregate {
        /// How it comes of them.
        function: Function,
        /// Of which value of each; `None` counts the rows.
        of: Option<Field>,
        /// As which type that value is taken.
        taken_as: Option<String>,
        /// Under which name, if not the function's own.
        alias: Option<String>,
        /// As which type.
        cast: Option<String>,
    },
    /// Rows of another table.
    Embed(Box<Embed>),
}

/// How the values of many rows become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// How many there are, NULLs aside.
    Count,
    /// Their sum.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Count, Self::Sum, Self::Avg, Self::Min, Self::Max];

    /// Its name, in requests and in both engines' SQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// Rows of another table that belong to a row.
#[derive(Clone, PartialEq, Debug)]
pub struct Embed {
    /// The table, the foreign key or its only column.
    pub target: String,
    /// Under which name, if not the target's.
    pub alias: Option<String>,
    /// Which relationship, where there are several.
    pub hint: Option<String>,
    /// Whether a row without any is left out.
    pub inner: bool,
    /// Whether its columns stand among the row's own.
    pub spread: bool,
    /// What of them.
    pub read: Read,
}

impl Embed {
    /// The name that filters and orders find it by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.target)
    }
}

/// A column, or a place in the document that it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// The column.
    pub column: String,
    /// The way into it.
    pub path: Vec<Step>,
    /// Whether what is found there is read as a text (`->>`).
    pub as_text: bool,
}

impl Field {
    /// This column.
    #[must_use]
    pub fn column(name: impl Into<String>) -> Self {
        Self {
            column: name.into(),
            path: Vec::new(),
            as_text: false,
        }
    }
}

/// One step into a JSON document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A member.
    Member(String),
    /// An element, counted from 0, or from the end where negative.
    Element(i32),
}

/// What is asked of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A test of one field, or of whether anything is embedded under this name.
    Test(Field, Test),
}

/// A test of one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// Beside one value, or several.
    Compare(Comparison, Among),
    /// One of these.
    In(Vec<String>),
    /// NULL, true, false or unknown.
    Is(Truth),
    /// Different, NULL being a value like others.
    Distinct(String),
    /// A list, a range or a document beside another.
    Contain(Containment, String),
    /// Words in a text.
    Search {
        /// How the words are read.
        kind: Search,
        /// In which language.
        language: Option<String>,
        /// The words.
        words: String,
    },
}

/// The values that one is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Among {
    /// This.
    One(String),
    /// One of these at least.
    Any(Vec<String>),
    /// All of these.
    All(Vec<String>),
}

/// How two values compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `eq`
    Equal,
    /// `neq`
    NotEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `like`, with `*` or `%` and `_`
    Like,
    /// `ilike`, the same whatever the case
    LikeAnyCase,
    /// `match`, a regular expression
    Match,
    /// `imatch`, the same whatever the case
    MatchAnyCase,
}

/// What `is` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// `null`
    Null,
    /// `not_null`
    NotNull,
    /// `true`
    True,
    /// `false`
    False,
    /// `unknown`
    Unknown,
}

/// How lists, ranges and documents stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Containment {
    /// `cs`
    Contains,
    /// `cd`
    ContainedIn,
    /// `ov`
    Overlaps,
    /// `sl`
    StrictlyLeft,
    /// `sr`
    StrictlyRight,
    /// `nxr`
    NotRightOf,
    /// `nxl`
    NotLeftOf,
    /// `adj`
    Adjacent,
}

/// How searched words are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// `fts`
    Query,
    /// `plfts`
    Plain,
    /// `phfts`
    Phrase,
    /// `wfts`
    Web,
}

/// One term of an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The embedded table whose row it is of, if not the row itself.
    pub relation: Option<String>,
    /// By what.
    pub field: Field,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether NULLs come first; without it, as if they were the greatest.
    pub nulls_first: Option<bool>,
}
