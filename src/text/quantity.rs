//! Sizes, durations and shares, read and written. Pure; each refusal says what it takes, and what is
//! written here is read back as the same quantity.

use crate::say;
use crate::text::Text;
use std::time::Duration;

/// Reads a size in bytes: `4096`, `4KiB`, `1MiB` (powers of 1024), `4kB`, `1MB` (powers of 1000).
///
/// # Errors
/// A sentence that says what a size looks like.
pub fn size(text: &str) -> Result<usize, Text> {
    let (number, unit) = split(text);
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(say!("{text}: a size reads 4096, 4KiB or 1MiB", "{text}：大小应写作 4096、4KiB 或 1MiB")),
    };
    let value = number.parse::<f64>().ok().map(|n| n * factor).filter(|n| n.is_finite() && *n >= 0.0);
    match value {
        Some(n) if n.fract() == 0.0 && n <= 2f64.powi(53) => Ok(n as usize),
        _ => Err(say!("{text}: a size reads 4096, 4KiB or 1MiB", "{text}：大小应写作 4096、4KiB 或 1MiB")),
    }
}

/// Reads a duration: `20ms`, `1.5s`, `300us`.
///
/// # Errors
/// A sentence that says what a duration looks like, or how long it may be.
pub fn duration(text: &str, most: Duration) -> Result<Duration, Text> {
    let (number, unit) = split(text);
    let seconds: f64 = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(say!("{text}: a duration reads 20ms or 1.5s", "{text}：时长应写作 20ms 或 1.5s")),
    };
    let value = number.parse::<f64>().ok().map(|n| n * seconds).filter(|n| n.is_finite() && *n >= 0.0);
    match value.map(Duration::try_from_secs_f64) {
        Some(Ok(d)) if d <= most => Ok(d),
        Some(_) => Err(say!("{text}: at most {most:?}", "{text}：最长 {most:?}")),
        None => Err(say!("{text}: a duration reads 20ms or 1.5s", "{text}：时长应写作 20ms 或 1.5s")),
    }
}

/// Reads a share: `10%` or `0.1`. A whole number without `%` is refused unless it is 0: is `1` one percent
/// or all?
///
/// # Errors
/// A sentence that says what a share looks like.
pub fn share(text: &str) -> Result<f64, Text> {
    let (number, unit) = split(text);
    let value = match (number.parse::<f64>(), unit) {
        (Ok(percent), "%") => Some(percent / 100.0),
        (Ok(share), "") if share < 1.0 => Some(share),
        _ => None,
    };
    value.filter(|share| *share <= 1.0).ok_or_else(|| {
        say!("{text}: a share reads 10% or 0.1, and is at most 100%", "{text}：比例应写作 10% 或 0.1，最大 100%")
    })
}

/// Writes a size as briefly as [`size`] reads it exactly: `64KiB`, `1MB`, `1500`.
pub fn write_size(bytes: u64) -> String {
    let units =
        [(1 << 30, "GiB"), (1_000_000_000, "GB"), (1 << 20, "MiB"), (1_000_000, "MB"), (1 << 10, "KiB"), (1000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes > 0 && bytes % unit == 0) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// Writes a duration as [`duration`] reads it, to the nanosecond: `20ms`, `1.5s`, `300us`.
pub fn write_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, digits, name) = match nanos {
        1..1_000_000 => (1_000, 3, "us"),
        0..1_000_000_000 => (1_000_000, 6, "ms"),
        _ => (1_000_000_000, 9, "s"),
    };
    let number = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
    format!("{}{name}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes a share as [`share`] reads it exactly: in percent where that is short, else as a fraction.
pub fn write_share(share: f64) -> String {
    let percent = (share * 1e8).round() / 1e6;
    if percent / 100.0 == share { format!("{percent}%") } else { share.to_string() }
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        assert_eq!(size("4096").ok(), Some(4096));
        assert_eq!(size("4KiB").ok(), Some(4096));
        assert_eq!(size("1.5MiB").ok(), Some(1_572_864));
        assert_eq!(size("1MB").ok(), Some(1_000_000));
        for wrong in ["", "-1", "x", "4XB", "1.5", "1e3", "99999999999999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let most = Duration::from_secs(60);
        assert_eq!(duration("20ms", most).ok(), Some(Duration::from_millis(20)));
        assert_eq!(duration("1.5s", most).ok(), Some(Duration::from_millis(1500)));
        for wrong in ["20", "ms", "-1s", "61s", "1e9s", "1.2.3s"] {
            assert!(duration(wrong, most).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares() {
        for (text, value) in
            [("10%", 0.1), ("0.1", 0.1), ("0", 0.0), ("0%", 0.0), ("100%", 1.0), (".5", 0.5), ("2.5%", 0.025)]
        {
            assert_eq!(share(text).ok(), Some(value), "{text}");
        }
        for wrong in ["", "%", ".", "1", "10", "100.1%", "-1%", "1e-1", "nan", "inf%", "10 per cent", "5%5"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn quantities_are_written_as_people_write_them() {
        for text in ["64KiB", "1MB", "1500", "0", "3GiB", "20kB"] {
            assert_eq!(write_size(size(text).expect(text) as u64), text);
        }
        for text in ["20ms", "1.5s", "300us", "0ms", "10s", "0.5us", "1.000001ms"] {
            assert_eq!(write_duration(duration(text, Duration::from_secs(60)).expect(text)), text);
        }
        for text in ["10%", "100%", "7%", "0.1%", "33.3%"] {
            assert_eq!(write_share(share(text).expect(text)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in 0..=1u64 << 53, nanos in 0..=60_000_000_000u64, part in 0.0..=1.0f64) {
            prop_assert_eq!(size(&write_size(bytes)).ok(), Some(bytes as usize));
            let lasting = Duration::from_nanos(nanos);
            prop_assert_eq!(duration(&write_duration(lasting), Duration::from_secs(60)).ok(), Some(lasting));
            prop_assert_eq!(share(&write_share(part)).ok(), Some(part));
        }
    }
}
