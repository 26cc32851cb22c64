//! Flotac's guide against the running binary. Each test is named after the row of the
//! requirements list it holds the binary to (`fl_12`: row FL-12).
#![cfg(test)]

mod session;
