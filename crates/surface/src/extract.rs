//! The control plane's extractors.
