//! MD5 (RFC 1321) behind the `digest` crate's traits, for speed: hashing is what bounds a transfer. Each of its steps
//! waits for the one before, and how long is all that counts; here, whatever does not need the newest word is added
//! before that word is there. The well-kept crates hash a fifth slower, in Rust as in assembler.

use digest::block_buffer::Eager;
use digest::core_api::{Block, BlockSizeUser, Buffer, BufferKindUser, CoreWrapper, FixedOutputCore, OutputSizeUser};
use digest::core_api::{Reset, UpdateCore};
use digest::typenum::{U16, U64};
use digest::{HashMarker, Output};

/// The digest of bytes that are fed piece by piece.
pub type Md5 = CoreWrapper<Md5Core>;

/// The four words, and how many blocks they have taken in.
#[derive(Clone)]
pub struct Md5Core {
    state: [u32; 4],
    blocks: u64,
}

/// RFC 1321 §3.3.
impl Default for Md5Core {
    fn default() -> Md5Core {
        Md5Core { state: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476], blocks: 0 }
    }
}

impl HashMarker for Md5Core {}

impl BlockSizeUser for Md5Core {
    type BlockSize = U64;
}

impl BufferKindUser for Md5Core {
    type BufferKind = Eager;
}

impl OutputSizeUser for Md5Core {
    type OutputSize = U16;
}

impl Reset for Md5Core {
    fn reset(&mut self) {
        *self = Md5Core::default();
    }
}

impl UpdateCore for Md5Core {
    fn update_blocks(&mut self, blocks: &[Block<Md5Core>]) {
        self.blocks = self.blocks.wrapping_add(blocks.len() as u64);
        blocks.iter().for_each(|block| compress(&mut self.state, block));
    }
}

/// RFC 1321 §3.1 and §3.2: padding, and behind it the length in bits.
impl FixedOutputCore for Md5Core {
    fn finalize_fixed_core(&mut self, buffer: &mut Buffer<Md5Core>, out: &mut Output<Md5Core>) {
        let bits = self.blocks.wrapping_mul(64).wrapping_add(buffer.get_pos() as u64).wrapping_mul(8);
        buffer.len64_padding_le(bits, |block| compress(&mut self.state, block));
        out.chunks_exact_mut(4).zip(self.state).for_each(|(out, word)| out.copy_from_slice(&word.to_le_bytes()));
    }
}

/// The integer parts of 2^32 times the absolute sines of 1 to 64 (RFC 1321 §3.4).
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// A sum that is complete here. Without this the compiler puts the additions in an order that waits longer.
#[inline(always)]
fn early(sum: u32) -> u32 {
    #[cfg(target_arch = "x86_64")]
    let sum = {
        let mut sum = sum;
        // SAFETY: there is no instruction in it, only a comment that names the register.
        unsafe { std::arch::asm!("/* {0:e} */", inout(reg) sum, options(pure, nomem, nostack, preserves_flags)) };
        sum
    };
    sum
}

/// A round: sixteen steps in four turns of the words. `$early` and `$late` are the two halves of its function of the
/// three other words; only the second needs the newest.
macro_rules! round {
    ($words:ident, $block:ident, $first:expr, $shifts:expr, $at:expr, $early:expr, $late:expr) => {
        for turn in 0..4 {
            for (step, shift) in $shifts.into_iter().enumerate() {
                let i: usize = $first + 4 * turn + step;
                let [a, b, c, d] = $words;
                let sum = early(a.wrapping_add($block[$at(i) % 16]).wrapping_add(SINES[i]).wrapping_add($early(c, d)));
                let sum = sum.wrapping_add($late(b, c, d)).rotate_left(shift).wrapping_add(b);
                $words = [d, sum, b, c];
            }
        }
    };
}

/// Takes in one block (RFC 1321 §3.4).
fn compress(state: &mut [u32; 4], block: &Block<Md5Core>) {
    let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    let block: [u32; 16] = std::array::from_fn(|i| word(4 * i));
    let mut words = *state;
    let nothing = |_: u32, _: u32| 0;
    round!(words, block, 0, [7, 12, 17, 22], |i| i, nothing, |b: u32, c: u32, d: u32| d ^ (b & (c ^ d)));
    round!(words, block, 16, [5, 9, 14, 20], |i| 5 * i + 1, |c: u32, d: u32| c & !d, |b: u32, _: u32, d: u32| b & d);
    round!(words, block, 32, [4, 11, 16, 23], |i| 3 * i + 5, nothing, |b: u32, c: u32, d: u32| b ^ (c ^ d));
    round!(words, block, 48, [6, 10, 15, 21], |i| 7 * i, nothing, |b: u32, c: u32, d: u32| c ^ (b | !d));
    state.iter_mut().zip(words).for_each(|(state, word)| *state = state.wrapping_add(word));
}

#[cfg(test)]
mod tests {
    use super::Md5;
    use digest::Digest;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_the_crate_at_every_length_around_a_block() {
        let bytes: Vec<u8> = (0..300u16).map(|i| (i * 7) as u8).collect();
        for end in 0..bytes.len() {
            assert_eq!(Md5::digest(&bytes[..end])[..], md5::Md5::digest(&bytes[..end])[..], "{end} bytes");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_crate_however_it_is_fed(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..9)) {
            let (mut ours, mut theirs) = (Md5::new(), md5::Md5::new());
            for piece in &pieces {
                ours.update(piece);
                theirs.update(piece);
            }
            prop_assert_eq!(&ours.finalize()[..], &theirs.finalize()[..]);
        }
    }
}
