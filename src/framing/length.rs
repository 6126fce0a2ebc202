//! A length field of fixed width before the body: the framing that most binary protocols use
//! (Beej's Guide to Network Programming §7.6).

use super::{Fault, Framing, Kind, Layout, Limits, Look, whole_header};
use crate::say;
use crate::text::Text;
use crate::text::hex;

/// In which order the bytes of a number travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The least significant first: what x86 and most ARM machines keep in memory.
    Little,
    /// The most significant first: network order (RFC 791, appendix B).
    Big,
}

/// A fixed length field, which counts the bytes of the body that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    kind: Kind,
    width: usize,
    order: Order,
    signed: bool,
}

/// 4 bytes, little-endian, signed: Python's `struct.pack('i', n)` on x86 and ARM. Lengths 0 to 2,147,483,647.
pub const I32_LE: Length = Length { kind: Kind::I32Le, width: 4, order: Order::Little, signed: true };

/// 4 bytes, little-endian: `struct.pack('<I', n)`. Lengths 0 to 4,294,967,295.
pub const U32_LE: Length = Length { kind: Kind::U32Le, width: 4, order: Order::Little, signed: false };

/// 4 bytes in network order: `struct.pack('>I', n)` or `'!I'`. Lengths 0 to 4,294,967,295.
pub const U32_BE: Length = Length { kind: Kind::U32Be, width: 4, order: Order::Big, signed: false };

/// 2 bytes in network order: `struct.pack('>H', n)`. Lengths 0 to 65,535.
pub const U16_BE: Length = Length { kind: Kind::U16Be, width: 2, order: Order::Big, signed: false };

/// 1 byte. Lengths 0 to 255.
pub const U8: Length = Length { kind: Kind::U8, width: 1, order: Order::Big, signed: false };

impl Length {
    /// The length field of this name, if the framing is one.
    pub fn of_kind(kind: Kind) -> Option<Length> {
        [I32_LE, U32_LE, U32_BE, U16_BE, U8].into_iter().find(|length| length.kind == kind)
    }

    /// How many bytes the field itself has.
    pub const fn width(self) -> usize {
        self.width
    }

    /// Is it in network order? A field of one byte counts as that.
    pub const fn is_big(self) -> bool {
        matches!(self.order, Order::Big)
    }

    /// The greatest length that fits.
    pub const fn max(self) -> u64 {
        let bits = 8 * self.width as u32 - self.signed as u32;
        u64::MAX >> (u64::BITS - bits)
    }

    /// A length as the bytes of the field.
    ///
    /// # Errors
    /// [`Fault::TooLong`] when it does not fit, as `struct.error` in Python.
    pub fn pack(self, length: u64) -> Result<Vec<u8>, Fault> {
        if length > self.max() {
            return Err(Fault::TooLong { value: length, max: self.max(), framing: self.kind.name() });
        }
        Ok(match self.order {
            Order::Little => length.to_le_bytes()[..self.width].to_vec(),
            Order::Big => length.to_be_bytes()[size_of::<u64>() - self.width..].to_vec(),
        })
    }

    /// The length that the field's bytes announce, at most `limit`. What follows the field is not looked at.
    ///
    /// # Errors
    /// [`Fault::EofInHeader`] when the bytes are fewer than the field's (the stream ended),
    /// [`Fault::Negative`] or [`Fault::Oversize`].
    pub fn unpack(self, field: &[u8], limit: usize) -> Result<usize, Fault> {
        whole_header(field, self.width)?;
        let field = &field[..self.width];
        let bits = self.bits(field);
        if self.signed && bits > self.max() {
            // The sign bit is set: the rest of the wider number is ones.
            let value = (bits | !(self.max() * 2 + 1)) as i64;
            return Err(Fault::Negative { source: source(field), value });
        }
        match usize::try_from(bits) {
            Ok(length) if length <= limit => Ok(length),
            _ => Err(Fault::Oversize { source: source(field), value: bits, limit: limit as u64 }),
        }
    }

    fn bits(self, field: &[u8]) -> u64 {
        number(field, self.is_big())
    }
}

/// A field as a number without a sign: the most significant byte first, or last. At most 8 bytes, so nothing is lost.
pub(super) fn number(field: &[u8], big: bool) -> u64 {
    let add = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
    if big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) }
}

fn source(field: &[u8]) -> Text {
    let hex = hex::spaced(field);
    match field.len() {
        1 => say!("the length byte {hex}", "长度字节 {hex}"),
        n => say!("the {n} length bytes {hex}", "{n} 个长度字节 {hex}"),
    }
}

impl Framing for Length {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault> {
        match self.width.checked_sub(bytes.len()) {
            Some(more) if more > 0 => Ok(Look::Short(more)),
            _ => Ok(Look::Known(Layout::of(self.width, self.unpack(bytes, limits.body)?))),
        }
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        self.pack(body.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_writes_what_the_documents_print() {
        for (number, bytes) in [(2048, b"\x00\x08\x00\x00"), (204_800, b"\x00 \x03\x00"), (2_048_000, b"\x00@\x1f\x00")]
        {
            assert_eq!(I32_LE.pack(number).unwrap(), bytes);
            assert_eq!(I32_LE.unpack(bytes, usize::MAX).unwrap() as u64, number);
        }
        assert_eq!(U32_BE.pack(2048).unwrap(), b"\x00\x00\x08\x00");
        assert_eq!(U16_BE.pack(0x1234).unwrap(), b"\x12\x34");
        assert_eq!(U8.pack(255).unwrap(), b"\xff");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fault = I32_LE.pack(1_111_111_111_111).unwrap_err();
        assert_eq!(fault, Fault::TooLong { value: 1_111_111_111_111, max: 2_147_483_647, framing: "i32le" });
        for (framing, max) in
            [(I32_LE, 2_147_483_647), (U32_LE, 4_294_967_295), (U32_BE, 4_294_967_295), (U16_BE, 65_535), (U8, 255)]
        {
            assert_eq!(framing.max(), max);
            assert_eq!(framing.pack(max).unwrap().len(), framing.width());
            assert!(framing.pack(max + 1).is_err());
        }
    }

    #[test]
    fn every_length_comes_back() {
        for framing in [I32_LE, U32_LE, U32_BE, U16_BE, U8] {
            for length in [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 1 << 24, framing.max()] {
                if let Ok(field) = framing.pack(length) {
                    assert_eq!(framing.unpack(&field, usize::MAX), Ok(length as usize), "{framing:?} {length}");
                }
            }
        }
    }

    #[test]
    fn the_limit_is_the_last_length_that_passes() {
        assert_eq!(I32_LE.unpack(&[100, 0, 0, 0], 100), Ok(100));
        assert_eq!(I32_LE.unpack(&[101, 0, 0, 0], 100).unwrap_err().kind(), "oversize");
    }

    #[test]
    fn a_sign_bit_is_a_negative_length_only_where_there_is_a_sign() {
        let read = |fault: Fault| match fault {
            Fault::Negative { value, .. } => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(I32_LE.unpack(&[0xff; 4], 100).unwrap_err()), -1);
        assert_eq!(read(I32_LE.unpack(&[0, 0, 0, 0x80], 100).unwrap_err()), i64::from(i32::MIN));
        assert_eq!(U32_LE.unpack(&[0xff; 4], 100).unwrap_err().kind(), "oversize");
        assert_eq!(U8.unpack(&[0x80], 255), Ok(128));
    }

    #[test]
    fn too_few_bytes_are_the_end_of_the_stream() {
        assert_eq!(I32_LE.unpack(&[5, 0], 100), Err(Fault::EofInHeader { have: 2, need: 4 }));
        assert_eq!(I32_LE.look(&[5, 0], &Limits::default()), Ok(Look::Short(2)));
        assert_eq!(I32_LE.look(&[], &Limits::default()), Ok(Look::Short(4)));
    }

    #[test]
    fn faults_show_the_bytes_and_the_number() {
        let said = |framing: Length, field: &[u8]| framing.unpack(field, 1 << 20).unwrap_err().text();
        assert_eq!(
            said(I32_LE, b"HTTP").en,
            "the 4 length bytes 48 54 54 50 read 1347703880: over the limit of 1,048,576"
        );
        assert!(said(I32_LE, &[0, 0, 8, 0x80]).en.contains("negative"));
        assert_eq!(said(I32_LE, &[0xff; 4]).zh, "4 个长度字节 ff ff ff ff 读作 -1：长度不能是负数");
    }
}
