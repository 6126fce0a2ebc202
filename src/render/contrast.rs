//! How far two colours are apart, for tests of what is legible (WCAG 2.2, contrast ratio).

/// Legible for nearly everybody (WCAG 2.2, 1.4.3).
pub(crate) const LEGIBLE: f64 = 4.5;

/// From 1 to 21, of two colours as red, green and blue.
pub(crate) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let linear = |n: u8| {
        let n = f64::from(n) / 255.0;
        if n <= 0.040_45 { n / 12.92 } else { ((n + 0.055) / 1.055).powf(2.4) }
    };
    let luminance = |[r, g, b]: [u8; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
