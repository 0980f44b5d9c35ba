//! CRC-64 as snapshots use it: the polynomial of D. T. Jones, reflected, start and end value 0
//! (`CRC-64/REDIS` of the reveng catalogue).
//!
//! Eight bytes are taken at a time through eight tables ("slicing by 8", Kounavis and Berry,
//! 2005). The tables are made when they are first needed: sixteen kilobytes that nothing compresses
//! are much to download.

use std::sync::LazyLock;

/// The polynomial, bits reversed.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

// Derived from constants alone, so one for all nodes of a process is no shared state.
static TABLES: LazyLock<Box<[[u64; 256]; 8]>> = LazyLock::new(tables);

fn tables() -> Box<[[u64; 256]; 8]> {
    let mut tables = Box::new([[0; 256]; 8]);
    for byte in 0..256 {
        let mut crc = byte as u64;
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
        }
        tables[0][byte] = crc;
    }
    for table in 1..8 {
        for byte in 0..256 {
            let crc = tables[table - 1][byte];
            tables[table][byte] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
        }
    }
    tables
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`. Begins with 0.
pub fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    // Written out, because a program that is compiled to be small calls a function for every step of
    // an iterator.
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &**TABLES;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let [a, b, c, d, e, f, g, h] = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        let low = t7[a as usize] ^ t6[b as usize] ^ t5[c as usize] ^ t4[d as usize];
        let high = t3[e as usize] ^ t2[f as usize] ^ t1[g as usize] ^ t0[h as usize];
        crc = low ^ high;
    }
    for &byte in rest {
        crc = t0[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_s_check_value() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(crc64(0, b"1234"), b"56789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn words_and_bytes_agree() {
        let bytes: Vec<u8> = (0..1000u32).map(|number| (number * 7 % 251) as u8).collect();
        let one_by_one = bytes.iter().fold(0, |crc, byte| crc64(crc, &[*byte]));
        assert_eq!(crc64(0, &bytes), one_by_one);
    }
}
