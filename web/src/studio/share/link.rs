//! A shared session as bytes, before they are compressed.
//!
//! The first byte is the version of all that follows: the digest of what persons got (eight bytes), the
//! recording, and a checksum of everything before it (eight bytes). A link may come from anywhere, so
//! nothing of it is believed: it is read whole or not at all.

use redstart::base::crc::crc64;

use crate::sandbox::tape::{self, Tape};

/// The version that is written, and the only one there is.
const VERSION: u8 = 1;

/// Bytes of digest and checksum.
const SUM_BYTES: usize = size_of::<u64>();

/// Letters of a link behind the `#`, at most: longer ones are cut off by some programs on their way.
pub const LETTERS_MAX: usize = 30_000;

/// Bytes that a link or a file may hold when it is decompressed: far more than what is written, and
/// little enough for every machine.
pub const BYTES_MAX: u32 = 8 << 20;

/// Why a link is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no link of this page, or is not whole.
    Broken,
    /// A newer version has written it.
    Newer,
    /// It holds more than [`BYTES_MAX`].
    TooMuch,
    /// The browser does not decompress.
    NoBrowser,
    /// What it tells cannot be done.
    Unplayable,
}

/// A session with the digest of what persons got in it.
pub fn write(tape: &Tape, digest: u64) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(digest.to_le_bytes());
    bytes.extend(tape::write(&tape.head, &tape.entries, tape.end));
    bytes.extend(crc64(0, &bytes).to_le_bytes());
    bytes
}

/// What [`write`] wrote.
pub fn read(bytes: &[u8]) -> Result<(Tape, u64), Fault> {
    match bytes.first() {
        Some(&VERSION) => {}
        Some(version) if *version > VERSION => return Err(Fault::Newer),
        _ => return Err(Fault::Broken),
    }
    let parts = || {
        let (content, sum) = bytes.split_last_chunk::<SUM_BYTES>()?;
        let is_whole = crc64(0, content) == u64::from_le_bytes(*sum);
        let (digest, tape) = content.get(1..)?.split_first_chunk::<SUM_BYTES>()?;
        let tape = is_whole.then(|| tape::read(tape))??;
        Some((tape, u64::from_le_bytes(*digest)))
    };
    parts().ok_or(Fault::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;

    fn session() -> Tape {
        let mut server = Server::new();
        for line in ["SET a 1", "HSET h f v", "LRANGE l 0 -1", "SET b \"\\x00\\xff\" EX 10"] {
            server.run(line);
        }
        tape::read(&server.sandbox.tape()).unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let tape = session();
        let bytes = write(&tape, 0x0123_4567_89ab_cdef);
        assert_eq!(read(&bytes), Ok((tape, 0x0123_4567_89ab_cdef)));
    }

    #[test]
    fn what_is_cut_off_or_changed_is_refused() {
        let bytes = write(&session(), 7);
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(Fault::Broken), "{end} bytes");
        }
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut spoilt = bytes.clone();
                spoilt[place] ^= 1 << bit;
                let is_newer = place == 0 && spoilt[0] > VERSION;
                let fault = if is_newer { Fault::Newer } else { Fault::Broken };
                assert_eq!(read(&spoilt), Err(fault), "byte {place}, bit {bit}");
            }
        }
        assert_eq!(read(&[&*bytes, b"more"].concat()), Err(Fault::Broken));
        assert_eq!(read(b"any text that is no link"), Err(Fault::Newer));
    }

    /// With a checksum that is right, what is inside is not believed either.
    #[test]
    fn lengths_are_not_believed() {
        for content in [&[1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0xff; 30], &[5; 9], &[]] {
            let mut bytes = [&[VERSION][..], &[0; SUM_BYTES], content].concat();
            bytes.extend(crc64(0, &bytes).to_le_bytes());
            assert_eq!(read(&bytes), Err(Fault::Broken));
        }
    }
}
