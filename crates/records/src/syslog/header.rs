//! What stands before a message's tag: a priority, stamps and names, of the device and of those who passed it on.

use super::written::{Written, parse_offset, parse_written, zone_name};
use crate::BOM;
use crate::digits::eight_of;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// Who wrote the message; empty where nobody is named.
    pub(crate) sensor: &'a [u8],
    /// Where that stands.
    pub(crate) name: Option<(usize, usize)>,
    /// When, by the stamp nearest to the message.
    pub(crate) written: Option<Written>,
    /// Where the record's own text begins: at that stamp. What stands before it (a priority, a collector's stamp and
    /// name) differs between two collectors of one record.
    pub(crate) own: usize,
    /// Where the name of a zone stands that means several.
    pub(crate) zone: Option<(usize, usize)>,
}

impl Header<'_> {
    /// Where the seconds of its stamp stand, and how many digits of a part of one follow a sign behind them.
    pub(crate) fn seconds(&self) -> Option<(usize, usize)> {
        let (second, digits) = self.written?.seconds?;
        Some((self.own + second, digits))
    }
}

/// Makes zeros of the ones that stand where seconds do, and the digits of a part of one: there the next header is another.
pub(crate) fn mask_seconds(mask: &mut [u8], (second_at, digits): (usize, usize)) {
    mask[second_at..second_at + 2].fill(0);
    if digits > 0 {
        mask[second_at + 3..][..digits].fill(0);
    }
}

/// What rsyslog puts before a message that it leaves out.
pub(crate) const REPEATED: &[u8] = b"message repeated ";

/// The word behind a header's stamp that is a zone's name and means several zones.
pub(crate) fn named_zone(head: &[u8]) -> Option<&[u8]> {
    let header = decode_header(head);
    let (from, to) = header.zone.filter(|_| header.written.is_some_and(|written| written.has_no_zone()))?;
    head.get(from..to)
}

/// Reads a header: any sequence of priorities, stamps and words.
///
/// The last stamp is the device's; each stamp a syslog server put before it is followed by the name of whom that
/// server had it from. So the sensor is named behind the last stamp, or else behind the one before. There, RFC 3164
/// has the host first and a program after it; but what stands directly before ` : ` was written by the device itself
/// (`logging device-id`), so it counts more than a host that a server put before it.
///
/// What cut a line out of a file or a table puts things before it, too: a path (`grep -H`), quotes, the columns before. Commas
/// and quotes stand between words, and a stamp or a priority begins behind any colon or bracket.
#[inline]
pub(crate) fn decode_header(head: &[u8]) -> Header<'_> {
    let mut header = Header { sensor: b"", name: None, written: None, own: 0, zone: None };
    let mut named_here = false;
    let mut at = 0;
    while let Some(byte) = head.get(at) {
        match byte {
            // Cisco puts `*` before the stamp of a clock that was not set, and `.` before one that is not in step with its server.
            b' ' | b':' | b'\t' | b'*' | b'.' | b',' | b'"' | b']' => {
                at += 1;
                continue;
            }
            // The strings of an object, and of structured data, may hold anybody's stamps and names.
            b'{' if head[at..].starts_with(b"{\"") => break,
            b'[' if begins_element(&head[at..]) => match elements_len(&head[at..]) {
                Some(len) => {
                    at += len;
                    continue;
                }
                None => break,
            },
            0xef if head[at..].starts_with(BOM) => {
                at += BOM.len();
                continue;
            }
            b'<' => {
                if let Some(len) = priority_len(&head[at..]) {
                    at += len;
                    header.own = if header.written.is_none() { at } else { header.own };
                    continue;
                }
            }
            _ => {}
        }
        if let Some((written, len)) = parse_written(&head[at..]) {
            header = Header { written: Some(written), own: at, zone: None, ..header };
            named_here = false;
            at += len;
            continue;
        }
        let (len, is_cut) = word_len(&head[at..]);
        if is_cut {
            // A file's name is nobody's, nor is a program's before a bracket.
            let word = &head[at..at + len];
            if !named_here && head[at + len] != b'[' && !is_file(word) && is_name(word, false, header.written.is_some())
            {
                (header.sensor, header.name, named_here) = (word, Some((at, at + len)), true);
            }
            at += len + 1;
            continue;
        }
        let word = trim_colons(&head[at..at + len]);
        if word == b"message" && head[at..].starts_with(REPEATED) {
            at += REPEATED.len();
            at += head[at..].iter().position(|byte| *byte == b':').unwrap_or(head.len() - at);
            continue;
        }
        let name = (at, at + word.len());
        at += len;
        let device_id = head[at..].starts_with(b" :");
        if let Some(written) = header.written.filter(|_| !named_here) {
            // What stands before ` :` the device calls itself.
            if let Some(utc) = zone_name(word).filter(|utc| *utc || !device_id) {
                header.written = Some(if utc { written.in_utc() } else { written });
                header.zone = if utc { None } else { Some(name) };
                continue;
            }
            if let Some(minutes) = parse_offset(word.strip_suffix(b"]").unwrap_or(word)) {
                header.written = Some(written.east(minutes));
                continue;
            }
            if is_zone_of_emblem(&head[..header.own], word, &head[name.1..]) {
                header.zone = Some(name);
                continue;
            }
        }
        if (!named_here || device_id) && is_name(word, device_id, header.written.is_some()) {
            header.sensor = word;
            header.name = Some(name);
            named_here = true;
        }
    }
    header
}

/// The header of the line before, for the next line has nearly always the same, but for the seconds and parts of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last(Option<Box<Kept>>);

#[derive(Clone, Debug)]
struct Kept {
    /// Its bytes, eight at a time, and ones where those of another must be the same: everywhere but in the seconds and their parts.
    words: [(u64, u64); Last::WORDS],
    len: usize,
    name: Option<(usize, usize)>,
    written: Written,
    own: usize,
    /// Where its seconds stand, and how many digits of a part of one.
    seconds: (usize, usize),
    zone: Option<(usize, usize)>,
}

impl Last {
    /// How long a header may be and still be kept, in words.
    const WORDS: usize = 8;

    /// What [`decode_header`] says.
    #[inline]
    pub(crate) fn decode<'a>(&mut self, head: &'a [u8]) -> Header<'a> {
        if let Some(header) = self.0.as_ref().and_then(|kept| kept.recall(head)) {
            return header;
        }
        let header = decode_header(head);
        match (Kept::of(head, &header), &mut self.0) {
            (Some(kept), Some(last)) => **last = kept,
            (kept, last) => *last = kept.map(Box::new),
        }
        header
    }
}

impl Kept {
    fn of(head: &[u8], header: &Header<'_>) -> Option<Self> {
        let Header { name, written, own, zone, .. } = *header;
        let written = written.filter(|_| head.len() <= Last::WORDS * 8)?;
        let seconds = header.seconds()?;
        let mut text = [0; Last::WORDS * 8];
        text[..head.len()].copy_from_slice(head);
        let mut mask = [0xff; Last::WORDS * 8];
        mask_seconds(&mut mask, seconds);
        let word = |bytes: &[u8], at: usize| eight_of(&bytes[at * 8..]);
        let words = std::array::from_fn(|at| (word(&text, at) & word(&mask, at), word(&mask, at)));
        Some(Self { words, len: head.len(), name, written, own, seconds, zone })
    }

    #[inline]
    fn recall<'a>(&self, head: &'a [u8]) -> Option<Header<'a>> {
        if head.len() != self.len {
            return None;
        }
        let (words, rest) = head.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([eight_of(rest)]);
        let differ = self.words.iter().zip(words).map(|((own, mask), word)| own ^ (word & mask));
        if differ.fold(0, |all, one| all | one) != 0 {
            return None;
        }
        let (second_at, digits) = self.seconds;
        let written = self.written.at_seconds(head, second_at, digits)?;
        let sensor = self.name.map_or(&head[..0], |(from, to)| &head[from..to]);
        let Self { name, own, zone, .. } = *self;
        Some(Header { sensor, name, written: Some(written), own, zone })
    }
}

/// The length of `<166>` at the front.
fn priority_len(text: &[u8]) -> Option<usize> {
    let digits = text[1..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && text.get(1 + digits) == Some(&b'>')).then_some(digits + 2)
}

fn trim_colons(word: &[u8]) -> &[u8] {
    let end = word.iter().rposition(|byte| *byte != b':').map_or(0, |last| last + 1);
    &word[..end]
}

/// How long the word at the front is, and whether it ends at a sign behind which a stamp or a priority begins: `asa.log:Mar  4 16:05:00`.
#[inline]
fn word_len(text: &[u8]) -> (usize, bool) {
    let begins = |at: usize| match text.get(at + 1) {
        Some(b'<') => priority_len(&text[at + 1..]).is_some(),
        _ => parse_written(&text[at + 1..]).is_some(),
    };
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b' ' | b'\t' | b',' | b'"' => return (at, false),
            b':' | b'[' | b'|' | b';' if begins(at) => return (at, true),
            _ => {}
        }
    }
    (text.len(), false)
}

/// Whether a word before a sign is a file's name, as `grep -H` has it there: it has a folder, or ends as logs do.
fn is_file(word: &[u8]) -> bool {
    const ENDS: [&[u8]; 8] = [b"log", b"txt", b"out", b"csv", b"gz", b"bz2", b"xz", b"zst"];
    let ends_so = |end: &[u8]| ENDS.contains(&end) || !end.is_empty() && end.iter().all(u8::is_ascii_digit);
    let end = word.rsplit(|byte| matches!(byte, b'.' | b'-')).next().filter(|end| end.len() < word.len());
    word.contains(&b'/') || (end.is_some_and(ends_so) && !is_address(word))
}

/// Whether an element of structured data begins: `[name key="`.
fn begins_element(text: &[u8]) -> bool {
    const LONGEST: usize = 32;
    let text = &text[1..text.len().min(2 * LONGEST + 5)];
    let mut words = text.split(|byte| *byte == b' ');
    let is_name = |word: &[u8]| !word.is_empty() && word.len() <= LONGEST && !word.contains(&b'"');
    words.next().is_some_and(is_name)
        && words.next().and_then(|param| param.split(|byte| *byte == b'=').next()).is_some_and(is_name)
        && text.windows(2).any(|signs| signs == b"=\"")
}

/// How long elements of structured data are: `[name key="value"][...]`, a bracket in a value behind a backslash; `None` where they
/// do not end.
pub(crate) fn elements_len(data: &[u8]) -> Option<usize> {
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = data.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b']' if !quoted && data.get(at + 1) != Some(&b'[') => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether a word right behind the stamp is a zone because the form of the line has one there: EMBLEM puts a colon before the
/// stamp and the zone's name, whatever the owner calls it, behind.
fn is_zone_of_emblem(before: &[u8], word: &[u8], behind: &[u8]) -> bool {
    let is_word = (3..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase) && behind.starts_with(b":");
    is_word
        && match before {
            [] | [.., b':'] => is_alone(before.strip_suffix(b":").unwrap_or(b"x")),
            [before @ .., b':', b' '] => is_alone(before),
            _ => false,
        }
}

/// Whether what stands before a colon is no word of its own.
fn is_alone(before: &[u8]) -> bool {
    matches!(before.last(), None | Some(b' ' | b'>' | b'\t'))
}

/// Whether a word can be a sensor's name: not RFC 5424's nil or version, not a program with its process id or what else has
/// brackets, not a facility or a severity. Before any stamp a number or a date is none, but for a number that a device calls itself.
fn is_name(word: &[u8], device_id: bool, is_stamped: bool) -> bool {
    let is_number = || word.iter().all(u8::is_ascii_digit);
    let is_date = || word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'/' | b':' | b'.'));
    let stands_alone = |word: &[u8]| !word.ends_with(b"]") && !is_priority_name(word);
    match word {
        [] | b"1" | [b'[', ..] => device_id && word == b"1",
        [b'0'..=b'9', ..] if !is_stamped && !device_id && is_number() => false,
        [b'0'..=b'9', ..] if !is_stamped && is_date() => is_address(word),
        _ => word.iter().any(u8::is_ascii_alphanumeric) && stands_alone(word),
    }
}

/// An address, with a port or without.
fn is_address(word: &[u8]) -> bool {
    std::str::from_utf8(word)
        .is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok())
}

/// `local4`, `local4.info` and `info`, as collectors write them.
fn is_priority_name(word: &[u8]) -> bool {
    const SEVERITIES: [&[u8]; 11] = [
        b"emerg",
        b"alert",
        b"crit",
        b"critical",
        b"err",
        b"error",
        b"warning",
        b"notice",
        b"info",
        b"informational",
        b"debug",
    ];
    let is_facility = match word {
        // `dmesg -x`.
        b"kern" | b"warn" => true,
        [local @ .., b'0'..=b'7'] if local.len() == 5 => local.eq_ignore_ascii_case(b"local"),
        _ => word.len() > 6 && word[6] == b'.' && is_priority_name(&word[..6]),
    };
    is_facility || SEVERITIES.iter().any(|name| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(head: &str) -> (&str, &str) {
        let header = decode_header(head.as_bytes());
        (std::str::from_utf8(header.sensor).unwrap_or_default(), &head[header.own..])
    }

    #[test]
    fn the_sensor_is_named_nearest_to_the_message() {
        for (head, sensor, own) in [
            ("Feb 27 00:00:03 utc-pix ", "utc-pix", "Feb 27 00:00:03 utc-pix "),
            ("Nov 23 2026 07:04:55 utc-pix : ", "utc-pix", "Nov 23 2026 07:04:55 utc-pix : "),
            ("<166>Nov 23 2026 07:04:56 asa1 : ", "asa1", "Nov 23 2026 07:04:56 asa1 : "),
            ("<166>Nov 23 07:04:56 asa1: ", "asa1", "Nov 23 07:04:56 asa1: "),
            ("<166> Nov 23 07:04:56: ", "", "Nov 23 07:04:56: "),
            ("<166>:Nov 23 07:04:56 UTC: ", "", "Nov 23 07:04:56 UTC: "),
            ("<164>:Jan 14 23:53:28 MSK 192.0.2.40: ", "192.0.2.40", "Jan 14 23:53:28 MSK 192.0.2.40: "),
            ("Mar 29 09:54:18 192.0.2.1 Mar 29 2004 09:54:18: ", "192.0.2.1", "Mar 29 2004 09:54:18: "),
            ("Mar 29 09:54:18 relay Mar 29 2004 09:54:18 pix : ", "pix", "Mar 29 2004 09:54:18 pix : "),
            ("Mar 29 09:54:18 relay <166>Mar 29 2004 09:54:18: ", "relay", "Mar 29 2004 09:54:18: "),
            ("Mar 29 09:54:18 relay pix : ", "pix", "Mar 29 09:54:18 relay pix : "),
            (
                "Oct 10 2018 12:34:56 localhost CiscoASA[999]: ",
                "localhost",
                "Oct 10 2018 12:34:56 localhost CiscoASA[999]: ",
            ),
            ("Jan  5 14:52:35 fw2 prog ", "fw2", "Jan  5 14:52:35 fw2 prog "),
            ("<166>1 2003-03-04T16:05:00.123Z asa1 - - - - ", "asa1", "2003-03-04T16:05:00.123Z asa1 - - - - "),
            ("<166>2018-06-27T12:17:46Z asa : ", "asa", "2018-06-27T12:17:46Z asa : "),
            (
                "2009-08-16\t11:16:46\tLocal4.Info\t192.0.2.2\tAug 16 2009 11:16:46: ",
                "192.0.2.2",
                "Aug 16 2009 11:16:46: ",
            ),
            ("192.0.2.2:514 : local4.info Aug 16 2009 11:16:46: ", "192.0.2.2:514", "Aug 16 2009 11:16:46: "),
            ("Mon Mar  4 16:05:03 2024 asa1 ", "asa1", "Mon Mar  4 16:05:03 2024 asa1 "),
            ("<166>Mon Mar  4 16:05:03 2024: ", "", "Mon Mar  4 16:05:03 2024: "),
            ("Tue Mar  5 16:05:03 CET 2024 asa1 : ", "asa1", "Tue Mar  5 16:05:03 CET 2024 asa1 : "),
            ("Tue Mar  5 16:05:03 relay Mar 05 2024 16:05:03: ", "relay", "Mar 05 2024 16:05:03: "),
            ("Mon 2024-03-04 16:05:03 CET asa1 ", "asa1", "Mon 2024-03-04 16:05:03 CET asa1 "),
            ("1709568303.123456 asa1 ", "asa1", "1709568303.123456 asa1 "),
            ("<190>.Apr 15 2007 21:28:13: ", "", "Apr 15 2007 21:28:13: "),
            ("\u{feff}<166>Nov 23 07:04:56 asa1: ", "asa1", "Nov 23 07:04:56 asa1: "),
            (
                "<190>1 2024-01-10T10:20:31Z relay a - - - \u{feff}Jan 10 10:20:30 asa1 : ",
                "asa1",
                "Jan 10 10:20:30 asa1 : ",
            ),
            ("Mar 19 15:12:23 MSK/MSD: ", "", "Mar 19 15:12:23 MSK/MSD: "),
            ("Mar 19 15:12:23 UTC+3 asa1 : ", "asa1", "Mar 19 15:12:23 UTC+3 asa1 : "),
            ("Mar 19 15:12:23 PST8PDT asa1 : ", "asa1", "Mar 19 15:12:23 PST8PDT asa1 : "),
            ("*2003 Mar 23 12:12:12 PDT -8:00 ", "", "2003 Mar 23 12:12:12 PDT -8:00 "),
            ("Mar 19 15:12:23 BRT-3 ", "BRT-3", "Mar 19 15:12:23 BRT-3 "),
            // What cut the line out of a file or a table.
            ("/var/log/asa.log:Mar  4 16:05:00 asa1 ", "asa1", "Mar  4 16:05:00 asa1 "),
            ("asa.log:<166>Mar 04 2024 16:05:00: ", "", "Mar 04 2024 16:05:00: "),
            ("12:Mar  4 16:05:00 asa1 ", "asa1", "Mar  4 16:05:00 asa1 "),
            ("10.1.1.1:<166>Mar 04 2024 16:05:00: ", "10.1.1.1", "Mar 04 2024 16:05:00: "),
            ("\"Mar 04 2024 16:05:00 pix : ", "pix", "Mar 04 2024 16:05:00 pix : "),
            ("\"Mar 4, 2024 @ 16:05:00.000\",\"pix\",\"", "pix", "Mar 4, 2024 @ 16:05:00.000\",\"pix\",\""),
            (
                "\"2024-03-04T16:05:00Z\",\"10.1.1.1\",\"<166>Mar 04 2024 16:05:00: ",
                "10.1.1.1",
                "Mar 04 2024 16:05:00: ",
            ),
            ("2024-03-04T16:05:00Z,asa1,local4,info,\"<166>Mar 04 2024 16:05:00: ", "asa1", "Mar 04 2024 16:05:00: "),
            (
                "2024-03-04,16:05:00,2024-03-04,16:05:00,10.1.1.1,20,6,",
                "10.1.1.1",
                "2024-03-04,16:05:00,10.1.1.1,20,6,",
            ),
            ("[2014-03-27 06:24:22] ", "", "2014-03-27 06:24:22] "),
            ("[04/Mar/2004:16:05:00 +0100] asa1 ", "asa1", "04/Mar/2004:16:05:00 +0100] asa1 "),
            ("WTsyslog[2004-03-04 16:05:00 10.1.1.1] ", "", "2004-03-04 16:05:00 10.1.1.1] "),
            // Neither a date nor a number is a name.
            (
                "03-04-2024\t16:05:00\tLocal4.Info\t10.1.1.1\tMar 04 2024 16:05:00: ",
                "10.1.1.1",
                "Mar 04 2024 16:05:00: ",
            ),
            ("123 <166>Mar 04 2024 16:05:00: ", "", "Mar 04 2024 16:05:00: "),
            ("Mar 04 2024 16:05:00 7 : ", "7", "Mar 04 2024 16:05:00 7 : "),
            ("2024-03-04T16:05:00Z local4 info asa1 ", "asa1", "2024-03-04T16:05:00Z local4 info asa1 "),
            // Zones that no table has.
            ("10.1.1.1 : Mar 04 2024 16:05:00 XYZ: ", "10.1.1.1", "Mar 04 2024 16:05:00 XYZ: "),
            ("10.1.1.1: Mar 04 2024 16:05:00 EDGE: ", "EDGE", "Mar 04 2024 16:05:00 EDGE: "),
            ("<166>: Mar 04 2024 16:05:00 XYZ: ", "", "Mar 04 2024 16:05:00 XYZ: "),
            ("<166>:Mar 04 16:05:00 EDGE : ", "EDGE", "Mar 04 16:05:00 EDGE : "),
            ("Mar 04 16:05:00 CAT : ", "CAT", "Mar 04 16:05:00 CAT : "),
            // Numbers are names behind a stamp, and no year where nothing else follows.
            ("Mar  4 16:05:00 10024 ", "10024", "Mar  4 16:05:00 10024 "),
            ("Mar  4 16:05:00 2001 ", "2001", "Mar  4 16:05:00 2001 "),
            ("Mar  4 16:05:00 2001 : ", "2001", "Mar  4 16:05:00 2001 : "),
            ("Mar  4 16:05:00 01-02 ", "01-02", "Mar  4 16:05:00 01-02 "),
            ("Mar  4 16:05:00 2024 fw kernel: ", "fw", "Mar  4 16:05:00 2024 fw kernel: "),
            ("asa1:Mar  4 16:05:00 ", "asa1", "Mar  4 16:05:00 "),
            ("fw.example:Mar  4 16:05:00 ", "fw.example", "Mar  4 16:05:00 "),
            ("asa.log-20240304:Mar  4 16:05:00 ", "", "Mar  4 16:05:00 "),
            ("asa1|Mar 04 2024 16:05:00|", "asa1", "Mar 04 2024 16:05:00|"),
            // What structured data has is not the header's.
            (
                "<166>1 2024-03-04T16:05:00Z asa1 - - - [x@1 eventTime=\"2020-01-01T00:00:00Z\" b=\"]\"] ",
                "asa1",
                "2024-03-04T16:05:00Z asa1 - - - [x@1 eventTime=\"2020-01-01T00:00:00Z\" b=\"]\"] ",
            ),
            ("10.1.1.1 Mar 04 2024 16:05:00 -03: ", "10.1.1.1", "Mar 04 2024 16:05:00 -03: "),
            ("2024-03-04T16:05:00+01 asa1 ", "asa1", "2024-03-04T16:05:00+01 asa1 "),
            ("relay Mar 04 2024 16:05:00 Europe/Berlin: ", "relay", "Mar 04 2024 16:05:00 Europe/Berlin: "),
            ("Mar  4 16:05:00 fw : message repeated 27 times: [Mar  4 16:04:59 EST: ", "fw", "Mar  4 16:04:59 EST: "),
            (" message repeated 27 times: [Mar  4 16:04:59: ", "", "Mar  4 16:04:59: "),
            (
                "Mar  4 16:05:00 fw prog: {\"ts\":\"Mar  4 16:05:07\",\"message\":\"",
                "fw",
                "Mar  4 16:05:00 fw prog: {\"ts\":\"Mar  4 16:05:07\",\"message\":\"",
            ),
            ("<166>", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(header(head), (sensor, own), "{head}");
        }
    }

    #[test]
    fn a_header_says_the_same_whatever_stood_before_it() {
        let heads = [
            "<166>Nov 23 07:04:56 asa1: ",
            "<166>Nov 23 07:04:57 asa1: ",
            "<166>Nov 23 07:05:57 asa1: ",
            "<166>Nov 23 07:04:60 asa1: ",
            "<166>Nov 23 07:04:61 asa1: ",
            "<166>Nov 23 07:04:5x asa1: ",
            "<166>Nov 23 07:04:56 asa2: ",
            "<166>Nov 23 07:04:56 EST: ",
            "<166>Nov 23 07:04:56 asa1 : ",
            "<166>Nov 23 07:04:56: ",
            "<164>Nov 24 07:04:56 asa1: ",
            "<166>Nov 23 07:04:56.123 asa1: ",
            "<166>Nov 23 07:04:57.045 asa1: ",
            "<166>Nov 23 07:04:57.04x asa1: ",
            "<166>Nov 23 07:04:57,045 asa1: ",
            "<166>Nov 23 07:04:57.04 asa1:  ",
            "<166>1 2018-06-27T12:17:46.000001+00:00 asa1 - - - - ",
            "<166>1 2018-06-27T12:17:47.999999+00:00 asa1 - - - - ",
            "<166>1 2018-06-27T12:17:47.99999 +00:00 asa1 - - - - ",
            "<166>1 2018-06-27T12:17:61.999999+00:00 asa1 - - - - ",
            "<166>1 2018-06-27T12:17:47.123456789012Z asa1 - - - - ",
            "<166>1 2018-06-27T12:17:48.023456789513Z asa1 - - - - ",
            "x 2018-06-27T12:17:48.0 2018-06-27T12:17:48.1 asa1 : ",
            "x 2018-06-27T12:17:48.0 2018-06-27T12:17:49.2 asa1 : ",
            "long-enough-that-the-seconds-are-the-last: Nov 23 2026  07:04:56",
            "long-enough-that-the-seconds-are-the-last: Nov 23 2026  07:04:57",
            "Mar 29 09:54:18 relay Mar 29 2004 09:54:18 pix : ",
            "Mar 29 09:54:18 relay Mar 29 2004 09:54:19 pix : ",
            "Mar 29 09:54:19 relay Mar 29 2004 09:54:19 pix : ",
            "<166>2018-06-27T12:17:46Z asa : ",
            "<166>2018-06-27T12:17:47Z asa : ",
            "<166>2018-06-27T12:17:47+01:00 asa : ",
            "<166>asa1: ",
            "<166>Nov 23 07:04:56 a-name-so-long-that-nothing-of-it-is-kept-in-as-many-words: ",
            "<166>Nov 23 07:04:57 a-name-so-long-that-nothing-of-it-is-kept-in-as-many-words: ",
            "<166>Nov 23 07:04:56 a-name-that-is-just-long-enough-for-the-last-word: ",
            "<166>Nov 23 07:04:57 a-name-that-is-just-long-enough-for-the-last-word: ",
            "",
        ];
        let mut last = Last::default();
        for before in heads {
            for head in heads {
                last.decode(before.as_bytes());
                assert_eq!(last.decode(head.as_bytes()), decode_header(head.as_bytes()), "{head} behind {before}");
            }
        }
    }

    #[test]
    fn a_long_header_takes_no_longer_than_its_length() {
        // Each is a megabyte, of which a second look at every part would take minutes.
        for part in
            ["x:<1>", "x:2003:03:04-16:05:00", "1 ", "ERR ", ":", "[a b=\"", "[", "\",", "message repeated ", "a="]
        {
            let head = format!(":Mar  4 16:05:00 {}", part.repeat(1_000_000 / part.len()));
            assert!(decode_header(head.as_bytes()).written.is_some(), "{part}");
        }
    }

    #[test]
    fn a_stamp_is_found_or_missed() {
        assert!(decode_header(b"<166>Nov 23 07:04:56: ").written.is_some());
        assert!(decode_header(b"<166>asa1: ").written.is_none());
        let utc = decode_header(b"Nov 23 2026 07:04:56 UTC asa1: ");
        assert_eq!(utc.sensor, b"asa1");
        let same = decode_header(b"2026-11-23T07:04:56Z 1 asa1: ").written;
        assert_eq!(utc.written.map(|written| written.minute), same.map(|written| written.minute));
    }
}
