//! DNS (RFC 1035): which names were found to have which addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catspaw_records::{Digest, Side, Utterance};

/// Length of a header.
const HEADER: usize = 12;
/// Answers of one message that are looked at.
const ANSWERS: u16 = 256;
/// Names of one chain of aliases, the one that was asked for among them.
const ALIASES: usize = 16;
/// Aliases of one message that a chain is made of.
const ALIASES_TOLD: usize = 32;
/// Pointers of one name. Each stands behind labels as a rule; without a bound 64 KB hold so many that a message takes long.
const POINTERS: usize = 64;
/// Addresses of one message that are told.
const ADDRESSES: usize = 64;
/// Bytes of a name without its length bytes, dots in between.
const LONGEST_NAME: usize = 255;

const A: u16 = 1;
const CNAME: u16 = 5;
const MX: u16 = 15;
const SRV: u16 = 33;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;

/// The longest message of a stream that is looked at. Longer ones are those of a zone that is copied.
const LONGEST_MESSAGE: usize = 8192;

/// A stream of messages behind their lengths (RFC 1035, 4.2.2).
#[derive(Debug, Default)]
pub(super) struct TcpDns([Direction; 2]);

impl TcpDns {
    /// Takes what comes next of a direction, of which nothing more is said once it is no DNS.
    pub(super) fn data(&mut self, from: Side, mut bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        let direction = &mut self.0[from.index()];
        while !bytes.is_empty() && !direction.is_strange {
            let taken = direction.take(bytes, say);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    /// A length, or with it a message, of which more has to come.
    begun: Vec<u8>,
    /// Bytes of a message that is not looked at.
    skip: usize,
    /// Whether something else came than DNS.
    is_strange: bool,
}

impl Direction {
    /// Takes the next bytes, at least one and up to the end of a message. How many it took.
    fn take(&mut self, bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> usize {
        if self.skip > 0 {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            return skipped;
        }
        if self.begun.is_empty() {
            return self.begin(bytes, say);
        }
        let missing = match *self.begun {
            [high, low, ..] => 2 + usize::from(u16::from_be_bytes([high, low])) - self.begun.len(),
            _ => 1,
        };
        let taken = missing.min(bytes.len());
        self.begun.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if taken == missing {
            let begun = std::mem::take(&mut self.begun);
            self.begin(&begun, say);
        }
        taken
    }

    /// Takes a message that begins with `bytes`, and keeps it where it does not end there. How many bytes it took.
    fn begin(&mut self, bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> usize {
        if let &[high, low, ref rest @ ..] = bytes {
            let len = usize::from(u16::from_be_bytes([high, low]));
            if len > LONGEST_MESSAGE {
                self.skip = len;
                return 2;
            }
            if let Some(whole) = rest.get(..len) {
                self.is_strange = !message(whole, say);
                return 2 + len;
            }
        }
        self.begun.extend_from_slice(bytes);
        bytes.len()
    }
}

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Response,
}

/// Takes a message, and says what it resolves; false where it is none of DNS.
pub(super) fn message(bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> bool {
    let Some(header) = Header::of(bytes) else { return false };
    if !header.is_sane(bytes.len()) {
        return false;
    }
    if header.questions == 0 {
        return bytes.len() == HEADER;
    }
    let Some(question) = Question::of(bytes) else { return false };
    if header.kind == Kind::Query {
        return true;
    }
    if header.rcode == 0 && !question.name.is_odd {
        let answers = Answers { message: bytes, start: question.end, count: header.answers };
        answers.resolve(question.name.digest, say);
    }
    true
}

/// Whether `bytes` are the beginning of a message of `len` bytes and of this kind, as it stands on a stream of TCP;
/// None where they are too few to tell. Stricter than [`message`]: on a stream, one such is enough to call it DNS.
pub(super) fn begins(bytes: &[u8], len: usize, kind: Kind) -> Option<bool> {
    const SHORTEST: usize = HEADER + 5;
    if len < SHORTEST {
        return Some(false);
    }
    let header = Header::of(bytes)?;
    if header.kind != kind || header.questions != 1 || !header.is_sane(len) {
        return Some(false);
    }
    match Question::of(bytes) {
        Some(question) => Some(question.end <= len),
        None if bytes.len() >= len.min(HEADER + LONGEST_NAME + 6) => Some(false),
        None => None,
    }
}

/// What the header says.
struct Header {
    kind: Kind,
    /// Operation, and the bit that is reserved.
    operation: u8,
    reserved: bool,
    truncated: bool,
    rcode: u8,
    questions: u16,
    answers: u16,
    others: [u16; 2],
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let &[_, _, high, low, q1, q2, a1, a2, n1, n2, r1, r2] = bytes.get(..HEADER)? else { return None };
        let number = |high, low| u16::from_be_bytes([high, low]);
        Some(Self {
            kind: if high & 0x80 == 0 { Kind::Query } else { Kind::Response },
            operation: high >> 3 & 0xf,
            reserved: low & 0x40 != 0,
            truncated: high & 2 != 0,
            rcode: low & 0xf,
            questions: number(q1, q2),
            answers: number(a1, a2),
            others: [number(n1, n2), number(r1, r2)],
        })
    }

    /// Whether a message of `len` bytes may begin so. There is no server that takes more than one question; a response
    /// that found the question itself wrong may come without it.
    fn is_sane(&self, len: usize) -> bool {
        /// A root name, type, class, time to live and length.
        const SHORTEST_RECORD: usize = 11;
        let records =
            [self.answers, self.others[0], self.others[1]].iter().map(|&count| usize::from(count)).sum::<usize>();
        let fits = records * SHORTEST_RECORD <= len.saturating_sub(HEADER) || self.truncated;
        let sections = match self.kind {
            // IXFR names the version that the asker has; EDNS, cookies and signatures are additional.
            Kind::Query => self.answers == 0 && self.others[0] <= 1 && self.others[1] <= 2 && self.rcode == 0,
            Kind::Response => self.rcode <= 10,
        };
        let is_error = self.kind == Kind::Response && self.rcode != 0 && records == 0;
        self.operation == 0
            && !self.reserved
            && fits
            && sections
            && (self.questions == 1 || (self.questions == 0 && is_error))
    }
}

/// A name, as it is compared.
#[derive(Clone, Copy)]
struct Name {
    /// As [`Digest::of_name`] of its text.
    digest: Digest,
    /// Whether a label holds a byte that makes the text say another name than the labels do, or none.
    is_odd: bool,
    /// Where what follows it begins.
    end: usize,
}

impl Name {
    /// The name at a place of the message. Pointers lead backwards only (each before the labels it stands behind), so
    /// there is an end to them.
    fn at(message: &[u8], start: usize) -> Option<Self> {
        let mut text = [0; LONGEST_NAME];
        let (mut len, mut is_odd, mut end, mut pointers) = (0, false, None, 0);
        let (mut at, mut bound) = (start, start);
        loop {
            let size = usize::from(*message.get(at)?);
            match size {
                0 => break,
                1..=63 => {
                    let label = message.get(at + 1..at + 1 + size)?;
                    if len > 0 {
                        *text.get_mut(len)? = b'.';
                        len += 1;
                    }
                    text.get_mut(len..len + size)?.copy_from_slice(label);
                    is_odd |= label.iter().any(|&byte| byte == b'.' || byte <= b' ');
                    len += size;
                    at += 1 + size;
                }
                0xc0.. => {
                    let low = usize::from(*message.get(at + 1)?);
                    end.get_or_insert(at + 2);
                    let target = (size & 0x3f) << 8 | low;
                    pointers += 1;
                    if target < HEADER || target >= bound || pointers > POINTERS {
                        return None;
                    }
                    (at, bound) = (target, target);
                }
                _ => return None,
            }
        }
        Some(Self { digest: Digest::of_name(text.get(..len)?), is_odd, end: end.unwrap_or(at + 1) })
    }
}

/// The question of a message that has one.
struct Question {
    name: Name,
    end: usize,
}

impl Question {
    fn of(message: &[u8]) -> Option<Self> {
        let name = Name::at(message, HEADER)?;
        let &[t1, t2, c1, c2] = message.get(name.end..name.end + 4)? else { return None };
        let (kind, class) = (u16::from_be_bytes([t1, t2]), u16::from_be_bytes([c1, c2]));
        // Type 33 with a name of half bytes as letters asks for the state of a NetBIOS name, and 32 for the name.
        let is_netbios = kind == 32 || (kind == SRV && message.get(HEADER) == Some(&32));
        let is_type = matches!(kind, 1..=128 | 249..=264 | 32768 | 32769 | 65280..=65534);
        let is_class = matches!(class, INTERNET | 3 | 4 | 254 | 255);
        (is_type && is_class && !is_netbios).then_some(Self { name, end: name.end + 4 })
    }
}

/// The records that answer a question.
struct Answers<'a> {
    message: &'a [u8],
    start: usize,
    count: u16,
}

/// One record.
struct Answer<'a> {
    owner: Name,
    kind: u16,
    class: u16,
    data: &'a [u8],
    /// Where its data begin.
    at: usize,
    end: usize,
}

impl<'a> Answers<'a> {
    /// Up to the first that is cut off, or that is none.
    fn iter(&self) -> impl Iterator<Item = Answer<'a>> {
        let (message, mut at) = (self.message, self.start);
        (0..self.count.min(ANSWERS)).map_while(move |_| {
            let answer = Answer::at(message, at)?;
            at = answer.end;
            Some(answer)
        })
    }

    /// Says each address that the name, or what it is an alias of, has, and each host that takes its mail.
    fn resolve(&self, name: Digest, say: &mut dyn FnMut(Utterance)) {
        let alias = |answer: Answer<'_>| {
            let target = Name::at(self.message, answer.at).filter(|target| !target.is_odd)?;
            Some((answer.owner.digest, target.digest))
        };
        let told = self.iter().filter(|answer| answer.kind == CNAME && answer.class == INTERNET).filter_map(alias);
        let mut aliases = [None; ALIASES_TOLD];
        aliases.iter_mut().zip(told).for_each(|(place, alias)| *place = Some(alias));
        let (mut chain, mut len) = ([name; ALIASES], 1);
        // Aliases mostly stand in their order; where they do not, each look finds one more.
        for _ in 1..ALIASES {
            let before = len;
            for &(owner, target) in aliases.iter().flatten() {
                let known = chain.get(..len).unwrap_or_default();
                if known.contains(&owner) && !known.contains(&target) {
                    let Some(next) = chain.get_mut(len) else { break };
                    *next = target;
                    len += 1;
                }
            }
            if len == before || len == ALIASES {
                break;
            }
        }
        let chain = chain.get(..len).unwrap_or_default();
        let found = || self.iter().filter(|answer| answer.class == INTERNET && chain.contains(&answer.owner.digest));
        for addr in found().filter_map(|answer| answer.addr()).take(ADDRESSES) {
            say(Utterance::Resolves { name, addr });
        }
        // Behind a preference.
        let host = |answer: Answer<'_>| Name::at(self.message, answer.at + 2).filter(|host| !host.is_odd);
        for host in found().filter(|answer| answer.kind == MX && answer.data.len() > 2).filter_map(host).take(ADDRESSES)
        {
            say(Utterance::Exchanges { name, host: host.digest });
        }
    }
}

impl<'a> Answer<'a> {
    fn at(message: &'a [u8], start: usize) -> Option<Self> {
        let owner = Name::at(message, start)?;
        let &[t1, t2, c1, c2, _, _, _, _, l1, l2] = message.get(owner.end..owner.end + 10)? else { return None };
        let at = owner.end + 10;
        let end = at + usize::from(u16::from_be_bytes([l1, l2]));
        let data = message.get(at..end)?;
        let (kind, class) = (u16::from_be_bytes([t1, t2]), u16::from_be_bytes([c1, c2]));
        Some(Self { owner, kind, class, data, at, end })
    }

    fn addr(&self) -> Option<IpAddr> {
        match self.kind {
            A => Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.data).ok()?).into()),
            AAAA => Some(Ipv6Addr::from(<[u8; 16]>::try_from(self.data).ok()?).into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response to a question for the addresses of `mx.example.net`.
    fn response(counts: [u8; 2], records: &[&[u8]]) -> Vec<u8> {
        let head = [0x12, 0x34, 0x81, 0x80, 0, counts[0], 0, counts[1], 0, 0, 0, 0];
        [&head, &b"\x02mx\x07example\x03net\0\0\x01\0\x01"[..], &records.concat()].concat()
    }

    fn resolved(message: &[u8]) -> Option<Vec<(Digest, IpAddr)>> {
        let mut found = Vec::new();
        super::message(message, &mut |said| match said {
            Utterance::Resolves { name, addr } => found.push((name, addr)),
            other => panic!("{other:?}"),
        })
        .then_some(found)
    }

    /// An address of the name at 12, an alias of that name (a name at 15 with two letters before it), and an address of
    /// the alias.
    const OWN: &[u8] = b"\xc0\x0c\0\x01\0\x01\0\0\0\x09\0\x04\xc0\0\x02\x01";
    const ALIAS: &[u8] = b"\xc0\x0c\0\x05\0\x01\0\0\0\x09\0\x05\x02MY\xc0\x0f";
    const OTHERS: &[u8] = b"\x02my\xc0\x0f\0\x1c\0\x01\0\0\0\x09\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";

    fn asked() -> Digest {
        Digest::of_name(b"MX.example.net.")
    }

    #[test]
    fn addresses_are_those_of_the_name_and_of_its_aliases() {
        let [v4, v6] = ["192.0.2.1", "2001:db8::1"].map(|addr| addr.parse().expect("an address"));
        assert_eq!(resolved(&response([1, 1], &[OWN])), Some(vec![(asked(), v4)]));
        assert_eq!(resolved(&response([1, 2], &[ALIAS, OTHERS])), Some(vec![(asked(), v6)]));
        assert_eq!(resolved(&response([1, 2], &[OTHERS, ALIAS])), Some(vec![(asked(), v6)]), "in the other order");
        assert_eq!(resolved(&response([1, 1], &[OTHERS])), Some(vec![]), "somebody else's address");
        assert_eq!(resolved(&response([1, 3], &[ALIAS, ALIAS, OTHERS])), Some(vec![(asked(), v6)]), "said once");
    }

    #[test]
    fn who_takes_the_mail_for_a_name_is_said() {
        let exchange: &[u8] = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x09\0\x07\0\x0a\x02MY\xc0\x0f";
        let of_another: &[u8] = b"\x02my\xc0\x0f\0\x0f\0\x01\0\0\0\x09\0\x04\0\x0a\xc0\x0c";
        let cut_off: &[u8] = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x09\0\x02\0\x0a";
        let mut said = Vec::new();
        let message = response([1, 3], &[exchange, of_another, cut_off]);
        assert!(super::message(&message, &mut |utterance| said.push(utterance)));
        let host = Digest::of_name(b"my.example.net");
        assert_eq!(said, [Utterance::Exchanges { name: asked(), host }]);
    }

    #[test]
    fn a_name_has_so_many_pointers_and_no_more() {
        for (pointers, is_name) in [(POINTERS, true), (POINTERS + 1, false)] {
            // A name of one letter, and behind it pointers, each to the one before.
            let mut message = [&[0; HEADER][..], b"\x01a\0"].concat();
            let mut target = HEADER;
            for _ in 0..pointers {
                let at = message.len();
                message.extend([0xc0 | (target >> 8) as u8, target as u8]);
                target = at;
            }
            assert_eq!(Name::at(&message, target).is_some(), is_name, "{pointers}");
        }
    }

    #[test]
    fn a_name_that_was_not_found_has_no_address() {
        let mut message = response([1, 1], &[OWN]);
        message[3] = 0x83;
        assert_eq!(resolved(&message), Some(vec![]));
    }

    #[test]
    fn names_that_point_to_themselves_end() {
        let to_itself = [b"\xc0\x20", &OWN[2..]].concat();
        assert_eq!(resolved(&response([1, 2], &[&to_itself, OWN])), Some(vec![]));
        let alias_of_itself: &[u8] = b"\xc0\x0c\0\x05\0\x01\0\0\0\x09\0\x02\xc0\x0c";
        assert_eq!(resolved(&response([1, 2], &[alias_of_itself, OWN])).map(|found| found.len()), Some(1));
    }

    #[test]
    fn a_message_that_is_cut_off_says_what_is_there() {
        let whole = response([1, 2], &[OWN, OTHERS]);
        let lens = (0..=whole.len()).map(|len| resolved(&whole[..len]).map(|found| found.len()));
        // Two records take 22 bytes behind the header at least; the first ends at 48, the second is no answer.
        for (len, found) in lens.enumerate() {
            let expected = match len {
                0..34 => None,
                34..48 => Some(0),
                _ => Some(1),
            };
            assert_eq!(found, expected, "{len}");
        }
    }

    #[test]
    fn what_a_sender_can_make_long_is_bounded() {
        let many = vec![OWN; 300];
        let mut message = response([1, 0], &many);
        message[6..8].copy_from_slice(&300u16.to_be_bytes());
        assert_eq!(resolved(&message).map(|found| found.len()), Some(ADDRESSES));
    }

    #[test]
    fn other_datagrams_are_no_dns() {
        let netbios = [&b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x20"[..], &[b'C'; 32], b"\0\0\x20\0\x01"].concat();
        let ntp = [&[0x23, 0, 6, 0xec][..], &[0; 44]].concat();
        let quic = [&[0xc3, 0, 0, 0, 1, 8][..], &[0x5a; 60]].concat();
        let rtp = [&[0x80, 0, 0x12, 0x34, 0, 1, 0, 0][..], &[0xff; 160]].concat();
        let zeros = vec![0; 64];
        for bytes in [netbios, ntp, quic, rtp, zeros] {
            assert_eq!(resolved(&bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_stream_says_the_same_however_it_is_cut() {
        let messages = [response([1, 1], &[OWN]), vec![0; 9000], response([1, 2], &[ALIAS, OTHERS])];
        let framed = |message: &Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], message].concat();
        let stream: Vec<u8> = messages.iter().flat_map(framed).collect();
        let said = |size: usize| {
            let (mut dns, mut said) = (TcpDns::default(), Vec::new());
            for part in stream.chunks(size) {
                dns.data(Side::Resp, part, &mut |utterance| said.push(utterance));
            }
            said
        };
        let whole = said(stream.len());
        assert_eq!(whole.len(), 2);
        for size in 1..200 {
            assert_eq!(said(size), whole, "{size}");
        }
    }

    #[test]
    fn a_stream_of_something_else_is_left() {
        let message = response([1, 1], &[OWN]);
        let stream = [b"\0\x04abcd\0\x30", &message[..]].concat();
        assert_eq!(message.len(), 0x30);
        TcpDns::default().data(Side::Resp, &stream, &mut |said| panic!("{said:?}"));
    }
}
