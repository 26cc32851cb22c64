//! A caller's SQL: read, checked against what callers have, printed anew.
