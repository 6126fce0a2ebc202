//! Upload and download: `serve files`, `put`, `get` (D0, D1 §13, D4).
//!
//! [`header`] and [`receipt`] are what is said about a file, `pump` moves it, `hashing` hashes it on the way,
//! `store` keeps it, `report` says what became of it.

pub mod get;
mod hashing;
pub mod header;
mod pump;
pub mod put;
pub mod receipt;
pub mod serve;
mod status;
mod store;
