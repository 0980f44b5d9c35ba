//! Numbers in as few bytes as they need, for entries that lie in [cells](super::cells), and blocks
//! of memory in which nothing is left over.

/// How many bytes a number takes: 1, 2, 4 or 8.
#[inline]
pub(crate) fn int_width(number: i64) -> usize {
    if i8::try_from(number).is_ok() {
        1
    } else if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

/// The number whose lowest bytes, as many as [`int_width`] says, are `bytes`.
#[inline]
pub(crate) fn read_int(bytes: &[u8]) -> i64 {
    match *bytes {
        [a] => i64::from(a as i8),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => bytes.first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes)),
    }
}

/// How many bytes a length takes.
pub(crate) fn length_width(length: usize) -> usize {
    let mut width = 1;
    let mut rest = length >> 7;
    while rest > 0 {
        width += 1;
        rest >>= 7;
    }
    width
}

/// Writes a length in groups of seven bits, the lowest first; returns how many bytes that took.
pub(crate) fn write_length(to: &mut [u8], length: usize) -> usize {
    if length < 0x80 {
        to[0] = length as u8;
        return 1;
    }
    let width = length_width(length);
    for (index, byte) in to[..width].iter_mut().enumerate() {
        let more = if index + 1 < width { 0x80 } else { 0 };
        *byte = (length >> (7 * index)) as u8 & 0x7f | more;
    }
    width
}

/// Reads what [`write_length`] wrote at the start of `bytes`: the length, and its own width.
#[inline]
pub(crate) fn read_length(bytes: &[u8]) -> (usize, usize) {
    let (mut length, mut width) = (0, 0);
    for &byte in bytes {
        length |= usize::from(byte & 0x7f) << (7 * width);
        width += 1;
        if byte < 0x80 {
            break;
        }
    }
    (length, width)
}

/// The size of the block that an allocator takes for so many bytes: multiples of 16 up to 128, and
/// four steps for each doubling from there on. jemalloc's and mimalloc's blocks are of these sizes.
pub(crate) fn block_bytes(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 8).max(16);
    bytes.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_back() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 1 << 30] {
            let mut bytes = [0xff; 10];
            let width = write_length(&mut bytes, length);
            assert_eq!((length, width), read_length(&bytes));
            assert_eq!(width, length_width(length));
        }
    }

    #[test]
    fn numbers_read_back() {
        for number in [0, -1, 127, -129, 40_000, -40_000, 1 << 31, i64::MIN, i64::MAX] {
            assert_eq!(read_int(&number.to_le_bytes()[..int_width(number)]), number);
        }
    }
    #[test]
    fn blocks_waste_at_most_a_fifth() {
        for bytes in 64..100_000 {
            let block = block_bytes(bytes);
            assert!(block >= bytes && (block - bytes) * 5 < block, "{bytes} in {block}");
            assert_eq!(block_bytes(block), block);
        }
        let blocks = [1, 16, 17, 128, 129, 187, 4097, 8192, 8193].map(block_bytes);
        assert_eq!(blocks, [16, 16, 32, 128, 160, 192, 5120, 8192, 10240]);
    }
}
