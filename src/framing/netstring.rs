//! A netstring: the length in decimal digits, a colon, the body, a comma. `5:hello,`
//!
//! The digits say how much follows, and the comma shows that both ends still agree
//! (D. J. Bernstein, Netstrings, 1997).

use super::{Fault, Framing, Kind, Layout, Limits, Look};
use crate::say;
use crate::text::Text;

/// The framing `netstring`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Netstring;

impl Framing for Netstring {
    fn kind(&self) -> Kind {
        Kind::Netstring
    }

    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let body = length(&bytes[..digits], limits.body)?;
        match (bytes.get(digits), digits) {
            (None, 0) => Ok(Look::Short(2)),
            (None, _) => Ok(Look::Short(1)),
            (Some(b':'), 1..) => Ok(Look::Known(Layout { header: digits + 1, body, trailer: 1 })),
            (Some(byte), _) => Err(Fault::Syntax(say!(
                "byte {digits} of a netstring's length is 0x{byte:02x}: neither a digit nor the colon behind one",
                "netstring 长度的第 {digits} 字节是 0x{byte:02x}：既不是数字，也不是数字后的冒号"
            ))),
        }
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(format!("{}:", body.len()).into_bytes())
    }

    fn trailer(&self) -> &'static [u8] {
        b","
    }
}

/// The length that some digits write, of which more may still come; none is 0.
fn length(digits: &[u8], limit: usize) -> Result<usize, Fault> {
    if let [b'0', _, ..] = digits {
        return Err(Fault::Syntax(Text::new(
            "a netstring's length begins with a 0 that it does not need",
            "netstring 的长度以多余的 0 开头",
        )));
    }
    let value = digits.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    match usize::try_from(value) {
        Ok(length) if length <= limit => Ok(length),
        // More than 20 digits say nothing more.
        _ => {
            let shown = String::from_utf8_lossy(&digits[..digits.len().min(20)]);
            let source = say!("the length \"{shown}\"", "长度“{shown}”");
            Err(Fault::Oversize { source, value, limit: limit as u64 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netstring_is_read_as_it_is_written_and_nothing_else_is() {
        let limits = Limits { header: 0, body: 99 };
        let look = |bytes: &[u8]| Netstring.look(bytes, &limits).map_err(|fault| fault.kind());
        assert_eq!(Netstring.frame(b"hello").unwrap(), b"5:hello,");
        assert_eq!(Netstring.frame(b"").unwrap(), b"0:,");
        assert_eq!(look(b"5:hello,"), Ok(Look::Known(Layout { header: 2, body: 5, trailer: 1 })));
        assert_eq!((look(b""), look(b"5"), look(b"0:")), (Ok(Look::Short(2)), Ok(Look::Short(1)), look(b"0:,")));
        for wrong in [&b":"[..], b"05:hello,", b"00:,", b" 5:hello,", b"-5:", b"5hello", b"5\n"] {
            assert_eq!(look(wrong), Err("syntax"), "{wrong:?}");
        }
        assert_eq!((look(b"99"), look(b"100")), (Ok(Look::Short(1)), Err("oversize")));
        assert_eq!(look(&[b'9'; 1000]), Err("oversize"));
    }
}
