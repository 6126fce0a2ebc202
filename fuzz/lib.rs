//! The targets as libFuzzer runs them; what they do is in targets.rs.

pub mod live;
pub mod meter;
pub mod script;
pub mod targets;

/// The whole of a file in fuzz_targets.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::targets::$name(data));
    };
}
