//! WebSockets (RFC 6455), the server's side: frames are read as they come and written.
//!
//! Messages are pieces of a stream of bytes here, so none is ever put together: what a frame holds is
//! handed on as it arrives, and a frame of any length takes no memory. Written for this, because the
//! crates for it own the socket and collect messages, while the event loop reads all sockets into one
//! buffer and sends from the node's outboxes.

use crate::base::sha1::sha1;

/// Bytes of a message, at most.
pub const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// Bytes that a control frame may hold.
const CONTROL_BYTES_MAX: u64 = 125;

/// What the standard puts behind a key before it is hashed.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why a connection is closed, as the other side is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It wanted to, or the node has ended it.
    Normal,
    /// It does not keep to the standard.
    Protocol,
    /// It has sent text.
    Text,
    /// It asks for too many answers at once.
    Policy,
    /// A message is too large.
    TooLarge,
}

impl Close {
    fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Protocol => 1002,
            Self::Text => 1003,
            Self::Policy => 1008,
            Self::TooLarge => 1009,
        }
    }
}

/// What is answered to a key, to show that the server knows the protocol.
pub fn accept(key: &str) -> String {
    base64(&sha1([key, KEY_SUFFIX].concat().as_bytes()))
}

/// Reads frames, cut anywhere.
#[derive(Debug, Default)]
pub struct Frames {
    /// The head of a frame, as far as it has come.
    head: Vec<u8>,
    /// The frame whose content is coming.
    frame: Option<Frame>,
    /// What a control frame holds, as far as it has come.
    control: Vec<u8>,
    /// Bytes of the message so far, while one is coming.
    message_bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    is_last: bool,
    /// Bytes that are still to come.
    left: u64,
    mask: [u8; 4],
    /// The place in the mask of the next byte.
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Close,
    Ping,
    Pong,
}

impl Frames {
    /// Takes what has come: what messages hold goes into `content`, what is to be answered into `answers`.
    /// After an error nothing more is read; a close that was asked for is one.
    pub fn receive(
        &mut self,
        mut bytes: &[u8],
        content: &mut Vec<u8>,
        answers: &mut Vec<u8>,
    ) -> Result<(), Close> {
        while !bytes.is_empty() {
            let Some(frame) = &mut self.frame else {
                let (&byte, rest) = bytes.split_first().unwrap_or((&0, &[]));
                bytes = rest;
                self.head.push(byte);
                if self.head.len() == head_bytes(&self.head) {
                    self.begin()?;
                    self.end_if_over(answers)?;
                }
                continue;
            };
            let count = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
            let (part, rest) = bytes.split_at(count);
            bytes = rest;
            let into = if frame.kind == Kind::Data { &mut *content } else { &mut self.control };
            let mask = frame.mask.iter().cycle().skip(frame.at);
            into.extend(part.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
            frame.at = (frame.at + count) % 4;
            frame.left -= count as u64;
            self.end_if_over(answers)?;
        }
        Ok(())
    }

    /// The head is whole: checks it.
    fn begin(&mut self) -> Result<(), Close> {
        let head = std::mem::take(&mut self.head);
        let [first, second, rest @ ..] = head.as_slice() else { return Err(Close::Protocol) };
        let Some((length, mask)) = rest.split_last_chunk::<4>() else {
            return Err(Close::Protocol);
        };
        let left = match (second & 0x7f, length) {
            (126, &[a, b]) => u64::from(u16::from_be_bytes([a, b])),
            (127, length) => u64::from_be_bytes(length.try_into().map_err(|_| Close::Protocol)?),
            (short, _) => u64::from(short),
        };
        let (is_last, is_masked) = (first & 0x80 != 0, second & 0x80 != 0);
        let is_begun = self.message_bytes.is_some();
        let kind = match first & 0x7f {
            0 if is_begun => Kind::Data,
            2 if !is_begun => Kind::Data,
            1 if !is_begun => return Err(Close::Text),
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            // Another kind, one of the reserved bits, or out of order.
            _ => return Err(Close::Protocol),
        };
        if !is_masked || (kind != Kind::Data && (!is_last || left > CONTROL_BYTES_MAX)) {
            return Err(Close::Protocol);
        }
        if kind == Kind::Data {
            let bytes = self.message_bytes.unwrap_or(0).saturating_add(left);
            if bytes > MESSAGE_BYTES_MAX {
                return Err(Close::TooLarge);
            }
            self.message_bytes = Some(bytes);
        }
        self.frame = Some(Frame { kind, is_last, left, mask: *mask, at: 0 });
        Ok(())
    }

    fn end_if_over(&mut self, answers: &mut Vec<u8>) -> Result<(), Close> {
        let Some(frame) = self.frame.take_if(|frame| frame.left == 0) else { return Ok(()) };
        let control = std::mem::take(&mut self.control);
        match frame.kind {
            Kind::Data if frame.is_last => self.message_bytes = None,
            Kind::Data | Kind::Pong => {}
            Kind::Ping => write(0x8a, &control, answers),
            Kind::Close => return Err(Close::Normal),
        }
        Ok(())
    }
}

/// How many bytes the head has that begins like this; more than there are while that is not known.
fn head_bytes(head: &[u8]) -> usize {
    let length = match head.get(1).map(|second| second & 0x7f) {
        None => return usize::MAX,
        Some(126) => 2,
        Some(127) => 8,
        Some(_) => 0,
    };
    2 + length + 4
}

/// Writes a message.
pub fn write_message(content: &[u8], into: &mut Vec<u8>) {
    write(0x82, content, into);
}

/// Writes the frame that ends the connection.
pub fn write_close(close: Close, into: &mut Vec<u8>) {
    write(0x88, &close.code().to_be_bytes(), into);
}

fn write(first: u8, content: &[u8], into: &mut Vec<u8>) {
    into.push(first);
    match content.len() {
        length @ 0..126 => into.push(length as u8),
        length => {
            if let Ok(short) = u16::try_from(length) {
                into.push(126);
                into.extend(short.to_be_bytes());
            } else {
                into.push(127);
                into.extend((length as u64).to_be_bytes());
            }
        }
    }
    into.extend_from_slice(content);
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if is_there { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    /// A frame as a browser sends it.
    fn frame(first: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(first, content, &mut bytes);
        bytes[1] |= 0x80;
        let head = bytes.len() - content.len();
        let mask = [1, 2, 3, 4];
        let masked = content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&bytes[..head], &mask, &masked.collect::<Vec<u8>>()].concat()
    }

    fn receive(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, Result<(), Close>) {
        let (mut content, mut answers) = (Vec::new(), Vec::new());
        let result = Frames::default().receive(bytes, &mut content, &mut answers);
        (content, answers, result)
    }

    #[test]
    fn the_standards_own_key_is_accepted() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let check = |bytes: &[u8], text: &str| assert_eq!(base64(bytes), text);
        check(b"", "");
        check(b"f", "Zg==");
        check(b"fo", "Zm8=");
        check(b"foo", "Zm9v");
    }

    #[test]
    fn what_messages_hold_is_handed_on_however_it_is_cut() {
        let long = vec![7; 70_000];
        let wire = [
            frame(0x02, b"*1\r\n"),
            frame(0x89, b"still there?"),
            frame(0x80, b"$4\r\n"),
            frame(0x82, &[8; 300]),
            frame(0x8a, b""),
            frame(0x82, b""),
            frame(0x82, &long),
        ]
        .concat();
        let content = [b"*1\r\n$4\r\n".as_slice(), &[8; 300], &long].concat();
        for step in [1, 3, 7, 4096, usize::MAX] {
            let (mut got, mut answers, mut frames) = (Vec::new(), Vec::new(), Frames::default());
            for part in wire.chunks(step) {
                assert_eq!(frames.receive(part, &mut got, &mut answers), Ok(()));
            }
            assert!(got == content, "in steps of {step}");
            assert_eq!(answers, b"\x8a\x0cstill there?");
        }
    }

    #[test]
    fn what_is_against_the_standard_ends_the_connection() {
        let check = |bytes: &[u8], close: Close| assert_eq!(receive(bytes).2, Err(close));
        check(&frame(0x81, b"text"), Close::Text);
        check(b"\x82\x01a\0\0\0", Close::Protocol);
        check(&frame(0xc2, b"a reserved bit"), Close::Protocol);
        check(&frame(0x83, b"a reserved kind"), Close::Protocol);
        check(&frame(0x80, b"goes on with nothing"), Close::Protocol);
        check(&[frame(0x02, b"a"), frame(0x82, b"b")].concat(), Close::Protocol);
        check(&frame(0x09, b"a control frame in parts"), Close::Protocol);
        check(&frame(0x89, &[0; 126]), Close::Protocol);
        check(&frame(0x88, b""), Close::Normal);
    }

    #[test]
    fn a_declared_length_allocates_nothing_and_is_bounded() {
        let mut head = vec![0x82, 0xff];
        head.extend(MESSAGE_BYTES_MAX.to_be_bytes());
        head.extend([0; 4]);
        let (content, _, result) = receive(&head);
        assert_eq!((content.capacity(), result), (0, Ok(())));
        head[2..10].copy_from_slice(&(MESSAGE_BYTES_MAX + 1).to_be_bytes());
        assert_eq!(receive(&head).2, Err(Close::TooLarge));
        head[2..10].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(receive(&head).2, Err(Close::TooLarge));
        // A message in parts has the same limit as one in one part.
        let parts = [frame(0x02, b"a"), vec![0x80, 0xff], MESSAGE_BYTES_MAX.to_be_bytes().to_vec()];
        assert_eq!(receive(&[parts.concat(), vec![0; 4]].concat()).2, Err(Close::TooLarge));
    }

    #[test]
    fn any_bytes_do_no_harm() {
        let mut rng = Rng::new(Seed::of(1));
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..rng.below(40)).map(|_| rng.below(256) as u8).collect();
            let (content, answers, _) = receive(&bytes);
            assert!(content.len() + answers.len() <= 2 * bytes.len());
        }
    }

    #[test]
    fn frames_are_written_with_the_shortest_length() {
        for (length, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut bytes = Vec::new();
            write_message(&vec![0; length], &mut bytes);
            assert_eq!(bytes.len(), head + length);
            assert_eq!(bytes[0], 0x82);
        }
        let mut bytes = Vec::new();
        write_close(Close::TooLarge, &mut bytes);
        assert_eq!(bytes, [0x88, 2, 0x03, 0xf1]);
    }
}
