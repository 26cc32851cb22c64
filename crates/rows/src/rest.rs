//! PostgREST's query language: read, planned and rendered.
