//! What the bytes on the wire mean, piece by piece.
//!
//! [`explain`] cuts a request or a reply into pieces that together are all of its bytes: the byte
//! that says what comes, a length, a payload, a line end. It takes anything and never fails: what
//! cannot be understood becomes one piece that says so.
//!
//! [`as_proto`] writes a reply in the other protocol, with the engine's own encoder, so that RESP2
//! can be seen beside RESP3.

pub(crate) mod view;

use redstart::base::num;
use redstart::resp::{Out, Proto, Reply};

/// How deep arrays are followed; what lies deeper is shown as it is.
const DEPTH_MAX: usize = 16;

/// Pieces of one message, at most; what follows is one piece.
const PIECES_MAX: usize = 2000;

/// Bytes in a row that mean one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where they begin.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// What they mean.
    pub part: Part,
    /// In how many arrays they lie.
    pub depth: usize,
}

/// What a piece means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The byte that says what comes.
    Type(Sort),
    /// How many bytes come.
    Length(usize),
    /// How many elements come; pairs, if it is a map.
    Count(usize),
    /// A length of −1: there is nothing.
    Nothing,
    /// The end of a line.
    LineEnd,
    /// Text on the line itself: a status, an error, a number.
    Text,
    /// As many bytes as were said.
    Payload,
    /// The format of a verbatim string, with its colon.
    Format,
    /// A command on a line of its own, without lengths.
    Inline,
    /// More than is explained.
    More,
    /// Bytes that no reader would take.
    Wrong,
}

/// What a type byte announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// `+`
    Simple,
    /// `-`
    Error,
    /// `:`
    Integer,
    /// `$`
    Bulk,
    /// `*`
    Array,
    /// `_`
    Null,
    /// `,`
    Double,
    /// `#`
    Boolean,
    /// `(`
    BigNumber,
    /// `!`
    BulkError,
    /// `=`
    Verbatim,
    /// `%`
    Map,
    /// `~`
    Set,
    /// `>`
    Push,
    /// `|`
    Attributes,
}

impl Sort {
    /// All that there are, with their bytes.
    pub const ALL: [(u8, Self); 15] = [
        (b'+', Self::Simple),
        (b'-', Self::Error),
        (b':', Self::Integer),
        (b'$', Self::Bulk),
        (b'*', Self::Array),
        (b'_', Self::Null),
        (b',', Self::Double),
        (b'#', Self::Boolean),
        (b'(', Self::BigNumber),
        (b'!', Self::BulkError),
        (b'=', Self::Verbatim),
        (b'%', Self::Map),
        (b'~', Self::Set),
        (b'>', Self::Push),
        (b'|', Self::Attributes),
    ];

    fn of(byte: u8) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == byte).map(|(_, sort)| *sort)
    }

    /// Whether only RESP3 has it.
    pub fn is_new(self) -> bool {
        !matches!(self, Self::Simple | Self::Error | Self::Integer | Self::Bulk | Self::Array)
    }
}

/// Cuts messages into their pieces. Costs O(bytes).
pub fn explain(bytes: &[u8]) -> Vec<Piece> {
    let mut reader = Reader { bytes, at: 0, pieces: Vec::new() };
    while reader.at < bytes.len() {
        if reader.message(0).is_none() {
            reader.rest(Part::Wrong, 0);
        }
    }
    reader.pieces
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    pieces: Vec<Piece>,
}

impl Reader<'_> {
    /// Adds a piece of so many bytes; none if there are none.
    fn piece(&mut self, length: usize, part: Part, depth: usize) {
        let (start, end) = (self.at, (self.at + length).min(self.bytes.len()));
        if end > start {
            self.pieces.push(Piece { start, end, part, depth });
        }
        self.at = end;
    }

    fn rest(&mut self, part: Part, depth: usize) {
        self.piece(self.bytes.len() - self.at, part, depth);
    }

    fn left(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes up to the next line end.
    fn line(&self) -> Option<&[u8]> {
        let left = self.left();
        let end = left.windows(2).position(|pair| pair == b"\r\n")?;
        left.get(..end)
    }

    fn line_end(&mut self, depth: usize) -> Option<()> {
        self.left().starts_with(b"\r\n").then(|| self.piece(2, Part::LineEnd, depth))
    }

    /// One message, as far as it can be understood.
    fn message(&mut self, depth: usize) -> Option<()> {
        if self.pieces.len() > PIECES_MAX || depth > DEPTH_MAX {
            self.rest(Part::More, depth);
            return Some(());
        }
        let Some(sort) = self.left().first().copied().and_then(Sort::of) else {
            // Only a request begins with a letter.
            let length = self.line().filter(|_| depth == 0)?.len();
            self.piece(length, Part::Inline, depth);
            return self.line_end(depth);
        };
        let length = self.line()?.len().checked_sub(1)?;
        self.piece(1, Part::Type(sort), depth);
        let text = self.left().get(..length)?.to_vec();
        match sort {
            Sort::Simple
            | Sort::Error
            | Sort::Integer
            | Sort::Null
            | Sort::Double
            | Sort::Boolean
            | Sort::BigNumber => {
                self.piece(length, Part::Text, depth);
                return self.line_end(depth);
            }
            _ if text == b"-1" => {
                self.piece(length, Part::Nothing, depth);
                return self.line_end(depth);
            }
            _ => {}
        }
        let number = num::parse_i64(&text).and_then(|number| usize::try_from(number).ok())?;
        match sort {
            Sort::Bulk | Sort::BulkError | Sort::Verbatim => {
                self.piece(length, Part::Length(number), depth);
                self.line_end(depth)?;
                self.payload(number, sort, depth)
            }
            _ => {
                self.piece(length, Part::Count(number), depth);
                self.line_end(depth)?;
                self.elements(number, sort, depth)
            }
        }
    }

    fn payload(&mut self, length: usize, sort: Sort, depth: usize) -> Option<()> {
        // The count comes from the wire; what is there may be less.
        self.left().get(..length)?;
        let format = if sort == Sort::Verbatim { 4.min(length) } else { 0 };
        self.piece(format, Part::Format, depth);
        self.piece(length - format, Part::Payload, depth);
        self.line_end(depth)
    }

    fn elements(&mut self, count: usize, sort: Sort, depth: usize) -> Option<()> {
        let is_paired = matches!(sort, Sort::Map | Sort::Attributes);
        let count = if is_paired { count.saturating_mul(2) } else { count };
        for _ in 0..count {
            if self.at == self.bytes.len() {
                return Some(());
            }
            self.message(depth + 1)?;
        }
        Some(())
    }
}

/// Pieces that stand on one line of the explanation, and what they say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The pieces, in their order.
    pub pieces: Vec<Piece>,
    /// What they say.
    pub meaning: Meaning,
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// This begins, with so many elements, pairs or bytes.
    Begin(Sort, usize),
    /// This is there as a whole.
    Whole(Sort),
    /// There is nothing: a null.
    Nothing,
    /// The bytes that were announced.
    Bytes,
    /// A command without lengths.
    Inline,
    /// More than is explained.
    More,
    /// Bytes that no reader would take.
    Wrong,
}

/// The explanation of messages, line by line: a line ends where `\r\n` does.
pub fn lines(bytes: &[u8]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut pieces = Vec::new();
    for piece in explain(bytes) {
        pieces.push(piece);
        if piece.part == Part::LineEnd {
            lines.push(Line { meaning: meaning(&pieces), pieces: std::mem::take(&mut pieces) });
        }
    }
    if !pieces.is_empty() {
        lines.push(Line { meaning: meaning(&pieces), pieces });
    }
    lines
}

fn meaning(pieces: &[Piece]) -> Meaning {
    let part = |index: usize| pieces.get(index).map(|piece| piece.part);
    match (part(0), part(1)) {
        (Some(Part::Type(_)), Some(Part::Nothing)) => Meaning::Nothing,
        (Some(Part::Type(Sort::Null)), _) => Meaning::Nothing,
        (Some(Part::Type(sort)), Some(Part::Length(count) | Part::Count(count))) => {
            Meaning::Begin(sort, count)
        }
        (Some(Part::Type(sort)), _) => Meaning::Whole(sort),
        (Some(Part::Inline), _) => Meaning::Inline,
        (Some(Part::More), _) => Meaning::More,
        (Some(Part::Wrong), _) => Meaning::Wrong,
        _ => Meaning::Bytes,
    }
}

/// A reply's bytes in a protocol: what a server would have sent that speaks it. What RESP2 cannot
/// say becomes what a Redis sends in its place.
pub fn as_proto(reply: &Reply, proto: Proto) -> Vec<u8> {
    let mut out = Out::default();
    out.set_proto(proto);
    write(reply, &mut out);
    out.take()
}

fn write(reply: &Reply, out: &mut Out) {
    let all = |elements: &[Reply], out: &mut Out| {
        elements.iter().for_each(|element| write(element, out));
    };
    match reply {
        Reply::Simple(text) => out.simple(&String::from_utf8_lossy(text)),
        Reply::Error(text) | Reply::BulkError(text) => out.error_line(text),
        Reply::Int(number) => out.int(*number),
        Reply::Bulk(bytes) => out.bulk(bytes),
        Reply::Null => out.null(),
        Reply::Array(elements) => {
            out.array(elements.len());
            all(elements, out);
        }
        Reply::Set(elements) => {
            out.set(elements.len());
            all(elements, out);
        }
        Reply::Push(elements) => {
            out.push(elements.len());
            all(elements, out);
        }
        Reply::Map(pairs) => {
            out.map(pairs.len());
            for (name, value) in pairs {
                write(name, out);
                write(value, out);
            }
        }
        Reply::Double(text) => out.double_text(text),
        Reply::Bool(value) => out.bool(*value),
        Reply::BigNumber(digits) => out.big_number(&String::from_utf8_lossy(digits)),
        Reply::Verbatim(text) => out.verbatim("txt", text),
        Reply::Attributed(attributes, reply) => {
            if out.attributes(attributes.len()) {
                for (name, value) in attributes {
                    write(name, out);
                    write(value, out);
                }
            }
            write(reply, out);
        }
    }
}

/// Whether a reply could look different in RESP3: not if it is a status, an error or a number.
pub fn differs_by_protocol(reply: &Reply) -> bool {
    match reply {
        Reply::Simple(_) | Reply::Error(_) | Reply::Int(_) => false,
        Reply::Array(elements) => elements.iter().any(differs_by_protocol),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redstart::base::rng::{Rng, Seed};

    /// The pieces as text, each with what it means.
    fn pieces(wire: &str) -> Vec<(String, Part)> {
        let text = |piece: Piece| {
            let bytes = wire.as_bytes().get(piece.start..piece.end).unwrap();
            (String::from_utf8_lossy(bytes).into_owned(), piece.part)
        };
        explain(wire.as_bytes()).into_iter().map(text).collect()
    }

    fn piece(text: &str, part: Part) -> (String, Part) {
        (text.to_owned(), part)
    }

    #[test]
    fn a_request_is_an_array_of_strings() {
        let expect = [
            piece("*", Part::Type(Sort::Array)),
            piece("2", Part::Count(2)),
            piece("\r\n", Part::LineEnd),
            piece("$", Part::Type(Sort::Bulk)),
            piece("3", Part::Length(3)),
            piece("\r\n", Part::LineEnd),
            piece("GET", Part::Payload),
            piece("\r\n", Part::LineEnd),
            piece("$", Part::Type(Sort::Bulk)),
            piece("0", Part::Length(0)),
            piece("\r\n", Part::LineEnd),
            piece("\r\n", Part::LineEnd),
        ];
        assert_eq!(pieces("*2\r\n$3\r\nGET\r\n$0\r\n\r\n"), expect);
        let inline = [piece("PING", Part::Inline), piece("\r\n", Part::LineEnd)];
        assert_eq!(pieces("PING\r\n"), inline);
    }

    #[test]
    fn lines_say_what_comes() {
        let wire = b"*3\r\n$5\r\nhello\r\n:1\r\n$-1\r\n";
        let said: Vec<Meaning> = lines(wire).into_iter().map(|line| line.meaning).collect();
        let expect = [
            Meaning::Begin(Sort::Array, 3),
            Meaning::Begin(Sort::Bulk, 5),
            Meaning::Bytes,
            Meaning::Whole(Sort::Integer),
            Meaning::Nothing,
        ];
        assert_eq!(said, expect);
        assert_eq!(lines(b"PING\r\n")[0].meaning, Meaning::Inline);
        assert_eq!(lines(b"$3\r\nab")[1].meaning, Meaning::Wrong);
        assert_eq!(lines(b"_\r\n")[0].meaning, Meaning::Nothing);
    }

    #[test]
    fn lengths_count_and_depths_nest() {
        let wire = b"%1\r\n+a\r\n*2\r\n:1\r\n=7\r\ntxt:abc\r\n_\r\n$-1\r\n";
        let explained = explain(wire);
        let depth = |text: &[u8]| {
            let at = explained.iter().find(|piece| &wire[piece.start..piece.end] == text);
            at.unwrap().depth
        };
        assert_eq!((depth(b"%"), depth(b"a"), depth(b"txt:")), (0, 1, 2));
        let format = explained.iter().find(|piece| piece.part == Part::Format).unwrap();
        assert_eq!(&wire[format.start..format.end], b"txt:");
        assert!(explained.iter().any(|piece| piece.part == Part::Nothing));
    }

    #[test]
    fn what_is_cut_off_or_nonsense_is_said_to_be_so() {
        let wrong = |wire: &str| pieces(wire).last().map(|(_, part)| *part);
        assert_eq!(wrong("$5\r\nabc"), Some(Part::Wrong));
        assert_eq!(wrong("$x\r\nabc\r\n"), Some(Part::Wrong));
        assert_eq!(wrong("\u{1}nonsense"), Some(Part::Wrong));
        // A message that goes on in the next packet.
        assert_eq!(wrong("*2\r\n:1\r\n"), Some(Part::LineEnd));
    }

    #[test]
    fn the_pieces_are_all_of_the_bytes_whatever_they_are() {
        let mut rng = Rng::new(Seed::of(1));
        let alphabet = b"+-:$*_,#(!=%~>|0123\r\n\r\nab";
        for _ in 0..5000 {
            let count = rng.below(40);
            let byte = |_| alphabet[rng.below(alphabet.len() as u64) as usize];
            let bytes: Vec<u8> = (0..count).map(byte).collect();
            let mut at = 0;
            for piece in explain(&bytes) {
                assert!(piece.start == at && piece.end > at);
                at = piece.end;
            }
            assert_eq!(at, bytes.len(), "{bytes:?}");
        }
        assert!(explain(&b"*1\r\n".repeat(1000)).len() < 100);
        assert!(explain(&b":1\r\n".repeat(5000)).len() < PIECES_MAX + 10);
    }

    #[test]
    fn a_reply_of_resp3_has_a_form_in_resp2() {
        let wires = [
            ("%1\r\n+a\r\n~1\r\n:1\r\n", "*2\r\n+a\r\n*1\r\n:1\r\n"),
            (",1.5\r\n", "$3\r\n1.5\r\n"),
            ("_\r\n", "$-1\r\n"),
            ("#t\r\n", ":1\r\n"),
            ("=7\r\ntxt:abc\r\n", "$3\r\nabc\r\n"),
            ("+OK\r\n", "+OK\r\n"),
            ("-ERR no\r\n", "-ERR no\r\n"),
            (">2\r\n$1\r\na\r\n:1\r\n", "*2\r\n$1\r\na\r\n:1\r\n"),
        ];
        for (three, two) in wires {
            let (reply, _) = Reply::read(three.as_bytes()).unwrap().unwrap();
            assert_eq!(as_proto(&reply, Proto::V3), three.as_bytes());
            assert_eq!(as_proto(&reply, Proto::V2), two.as_bytes());
        }
    }
}
