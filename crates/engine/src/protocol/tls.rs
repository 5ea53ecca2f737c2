//! TLS: what the client says, in clear, whom it wants to talk to.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes of a stream in which a ClientHello has to end.
const LONGEST: usize = 16 << 10;
/// Header of a record: type, version, length.
const RECORD: usize = 5;
/// Header of a handshake message: type, length.
const MESSAGE: usize = 4;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// What is at the beginning of a client's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello<'a> {
    /// A ClientHello, with the server's name where it gives one.
    Server(Option<Cow<'a, [u8]>>),
    /// The beginning of one.
    More,
    /// Something else.
    No,
}

/// Reads the ClientHello that a stream begins with. The name is given as soon as it is there, without the rest.
pub(super) fn client_hello(bytes: &[u8]) -> Hello<'_> {
    // SSL 2 knows no names.
    if let [0x80..=0xff, _, CLIENT_HELLO, ..] = bytes {
        return Hello::Server(None);
    }
    let (message, is_broken) = handshake(bytes);
    let found = match server_name(&message) {
        Found::Name(range) => range,
        Found::Nothing => return Hello::Server(None),
        // What stands before what is no record counts, as it did when that had not come yet.
        Found::Short if is_broken => return Hello::No,
        Found::Short if bytes.len() < LONGEST => return Hello::More,
        Found::Short => return Hello::Server(None),
        Found::Bad => return Hello::No,
    };
    Hello::Server(match message {
        Cow::Borrowed(message) => message.get(found).map(Cow::Borrowed),
        Cow::Owned(message) => message.get(found).map(|name| Cow::Owned(name.to_vec())),
    })
}

/// What the records that `bytes` begin with carry of the handshake, as far as it is there, and whether what follows is no
/// record of it. A message in one record is not copied.
fn handshake(bytes: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let mut message = Cow::Borrowed(&b""[..]);
    let mut rest = bytes.get(..LONGEST).unwrap_or(bytes);
    while !rest.is_empty() && !is_whole(&message) {
        if rest[0] != HANDSHAKE || rest.get(1).is_some_and(|&major| major != 3) {
            return (message, true);
        }
        let Some(&[_, _, _, high, low]) = rest.get(..RECORD) else { break };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len == 0 {
            return (message, true);
        }
        let (record, behind) = rest.split_at(rest.len().min(RECORD + len));
        let part = &record[RECORD..];
        if message.is_empty() {
            message = Cow::Borrowed(part);
        } else {
            message.to_mut().extend_from_slice(part);
        }
        rest = behind;
    }
    (up_to_its_end(message), false)
}

/// A message without what follows it in its record.
fn up_to_its_end(message: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let [_, high, mid, low, ..] = *message else { return message };
    let end = MESSAGE + u32::from_be_bytes([0, high, mid, low]) as usize;
    match message {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..end).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(end);
            Cow::Owned(bytes)
        }
    }
}

/// Whether a message of the handshake is there to its end.
fn is_whole(message: &[u8]) -> bool {
    matches!(*message, [_, high, mid, low, ref body @ ..]
        if body.len() >= u32::from_be_bytes([0, high, mid, low]) as usize)
}

/// What was looked for in a ClientHello.
enum Found {
    /// Where the server's name stands.
    Name(Range<usize>),
    /// There is none.
    Nothing,
    /// It may yet come.
    Short,
    /// This is no ClientHello.
    Bad,
}

/// Finds the extension `server_name` (RFC 6066) in a ClientHello that may be cut off.
fn server_name(message: &[u8]) -> Found {
    let mut reader = Reader { message, at: MESSAGE };
    let is_hello = message.first().is_none_or(|&kind| kind == CLIENT_HELLO)
        && message.get(MESSAGE).is_none_or(|&version| version == 3);
    if !is_hello {
        return Found::Bad;
    }
    match extensions(&mut reader) {
        Some(end) => reader.server_name(end),
        None => Found::Short,
    }
    .within(message)
}

/// Goes to the first extension; where the last ends.
fn extensions(reader: &mut Reader<'_>) -> Option<usize> {
    /// Version and random.
    const FIXED: usize = 34;
    reader.skip(FIXED)?;
    let session = reader.u8()?;
    reader.skip(session.into())?;
    let ciphers = reader.u16()?;
    reader.skip(ciphers.into())?;
    let compressions = reader.u8()?;
    reader.skip(compressions.into())?;
    let len = reader.u16()?;
    Some(reader.at + usize::from(len))
}

impl Found {
    /// What cannot come, as the message is there to its end, is not there.
    fn within(self, message: &[u8]) -> Self {
        match self {
            Self::Short if is_whole(message) => Self::Nothing,
            found => found,
        }
    }
}

/// A place in a message.
struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, len: usize) -> Option<()> {
        self.at += len;
        (self.at <= self.message.len()).then_some(())
    }

    fn u8(&mut self) -> Option<u8> {
        let byte = *self.message.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    /// Looks through the extensions, which stop at `end`.
    fn server_name(&mut self, end: usize) -> Found {
        while self.at < end {
            let (Some(kind), Some(len)) = (self.u16(), self.u16()) else { return Found::Short };
            if kind == SERVER_NAME {
                return self.host_name().unwrap_or(Found::Short);
            }
            self.at += usize::from(len);
        }
        Found::Nothing
    }

    /// The first name of the list, which is of hosts: nobody else has names.
    fn host_name(&mut self) -> Option<Found> {
        let _list = self.u16()?;
        let kind = self.u8()?;
        let len = self.u16()?;
        let start = self.at;
        self.skip(len.into())?;
        let is_name = kind == HOST_NAME && len > 0;
        Some(if is_name { Found::Name(start..self.at) } else { Found::Nothing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes behind their length.
    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    /// A ClientHello's message with these extensions.
    fn hello(extensions: &[&[u8]]) -> Vec<u8> {
        let extensions = extensions.concat();
        let fixed = [&[3, 3][..], &[7; 32], &[2, 1, 2], &[0, 2, 0x13, 1], &[1, 0]].concat();
        let body = [fixed, sized(&extensions)].concat();
        [&[CLIENT_HELLO, 0][..], &sized(&body)].concat()
    }

    fn named(name: &[u8]) -> Vec<u8> {
        let entry = [&[HOST_NAME][..], &sized(name)].concat();
        let list = sized(&entry);
        [&[0, 0][..], &sized(&list)].concat()
    }

    /// A message in records of so many bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[HANDSHAKE, 3, 1][..], &sized(part)].concat();
        message.chunks(size).flat_map(record).collect()
    }

    const OTHER: &[u8] = &[0, 0x10, 0, 3, 0, 1, 0];

    #[test]
    fn the_name_is_found_however_the_hello_is_cut_into_records() {
        let message = hello(&[OTHER, &named(b"mx.example.net")]);
        for size in 1..=message.len() {
            let bytes = records(&message, size);
            assert_eq!(client_hello(&bytes), Hello::Server(Some(Cow::Borrowed(b"mx.example.net"))), "{size}");
            // It grows, and is never taken for something else.
            for len in 0..bytes.len() {
                let found = client_hello(&bytes[..len]);
                let is_so = found == Hello::More || found == client_hello(&bytes);
                assert!(is_so, "{size} {len} {found:?}");
            }
        }
    }

    #[test]
    fn a_hello_in_one_record_is_not_copied() {
        let bytes = records(&hello(&[&named(b"a.example")]), 4096);
        assert!(matches!(client_hello(&bytes), Hello::Server(Some(Cow::Borrowed(_)))));
    }

    #[test]
    fn a_hello_without_a_name_has_none() {
        for message in [hello(&[OTHER]), hello(&[]), hello(&[&[0, 0, 0, 0]]), hello(&[&named(b"")])] {
            assert_eq!(client_hello(&records(&message, 4096)), Hello::Server(None), "{message:?}");
        }
        assert_eq!(client_hello(b"\x80\x2e\x01\x03\x01"), Hello::Server(None));
    }

    #[test]
    fn lengths_that_lie_end_the_search() {
        let mut message = hello(&[&named(b"a.example")]);
        let at = message.len() - 11;
        message[at] = 0xff;
        assert_eq!(client_hello(&records(&message, 4096)), Hello::Server(None));
        let endless = [&[CLIENT_HELLO, 0xff, 0xff, 0xff, 3, 3][..], &[0; 40_000]].concat();
        assert_ne!(client_hello(&records(&endless, 4096)), Hello::More);
    }

    #[test]
    fn what_is_no_hello_is_none() {
        let message = hello(&[OTHER]);
        let server = [&[2][..], &message[1..]].concat();
        let then_alert = [&records(&message[..20], 20)[..], &[21, 3, 3, 0, 2, 2, 40]].concat();
        for bytes in [records(&server, 4096), then_alert, b"EHLO mx\r\n".to_vec(), vec![HANDSHAKE, 3, 1, 0, 0]] {
            assert_eq!(client_hello(&bytes), Hello::No, "{}", bytes.escape_ascii());
        }
    }
}
