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
    /// Where the stamp's seconds stand, if it is to the second.
    pub(crate) second_at: Option<usize>,
}

/// The word behind a header's stamp that is a zone's name and means several zones.
pub(crate) fn named_zone(head: &[u8]) -> Option<&[u8]> {
    let words = head.split(|byte| matches!(byte, b' ' | b'\t')).map(trim_colons);
    let written = decode_header(head).written?;
    words.filter(|_| written.has_no_zone()).find(|word| zone_name(word) == Some(false))
}

/// Reads a header: any sequence of priorities, stamps and words.
///
/// The last stamp is the device's; each stamp a syslog server put before it is followed by the name of whom that
/// server had it from. So the sensor is named behind the last stamp, or else behind the one before. There, RFC 3164
/// has the host first and a program after it; but what stands directly before ` : ` was written by the device itself
/// (`logging device-id`), so it counts more than a host that a server put before it.
#[inline]
pub(crate) fn decode_header(head: &[u8]) -> Header<'_> {
    let mut header = Header { sensor: b"", name: None, written: None, own: 0, second_at: None };
    let mut named_here = false;
    let mut at = 0;
    while let Some(byte) = head.get(at) {
        match byte {
            // Cisco puts `*` before the stamp of a clock that was not set, and `.` before one that is not in step with its server.
            b' ' | b':' | b'\t' | b'*' | b'.' => {
                at += 1;
                continue;
            }
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
            header.written = Some(written);
            header.own = at;
            header.second_at = written.second_at.map(|second| at + second);
            named_here = false;
            at += len;
            continue;
        }
        let len = head[at..].iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(head.len() - at);
        let word = trim_colons(&head[at..at + len]);
        let name = (at, at + word.len());
        at += len;
        if let Some(written) = header.written.filter(|_| !named_here) {
            if let Some(utc) = zone_name(word) {
                header.written = Some(if utc { written.in_utc() } else { written });
                continue;
            }
            if let Some(minutes) = parse_offset(word) {
                header.written = Some(written.east(minutes));
                continue;
            }
        }
        let device_id = head[at..].starts_with(b" :");
        if (!named_here || device_id) && is_name(word) {
            header.sensor = word;
            header.name = Some(name);
            named_here = true;
        }
    }
    header
}

/// The header of the line before, for the next line has nearly always the same, but for the seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last(Option<Box<Kept>>);

#[derive(Clone, Debug)]
struct Kept {
    /// Its bytes, eight at a time, and ones where those of another must be the same: everywhere but in the seconds.
    words: [(u64, u64); Last::WORDS],
    len: usize,
    name: Option<(usize, usize)>,
    written: Written,
    own: usize,
    second_at: usize,
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
        let Header { name, written, own, second_at, .. } = *header;
        let second_at = second_at.filter(|_| head.len() <= Last::WORDS * 8)?;
        let mut text = [0; Last::WORDS * 8];
        text[..head.len()].copy_from_slice(head);
        let mut mask = [0xff; Last::WORDS * 8];
        mask[second_at..second_at + 2].fill(0);
        let word = |bytes: &[u8], at: usize| eight_of(&bytes[at * 8..]);
        let words = std::array::from_fn(|at| (word(&text, at) & word(&mask, at), word(&mask, at)));
        Some(Self { words, len: head.len(), name, written: written?, own, second_at })
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
        let written = self.written.at_second(head, self.second_at)?;
        let sensor = self.name.map_or(&head[..0], |(from, to)| &head[from..to]);
        let Self { name, own, second_at, .. } = *self;
        Some(Header { sensor, name, written: Some(written), own, second_at: Some(second_at) })
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

/// Whether a word can be a sensor's name: not RFC 5424's nil or version, not a program with its process id, and not
/// the `local4.info` that some collectors write.
fn is_name(word: &[u8]) -> bool {
    !word.is_empty() && word != b"-" && word != b"1" && !word.ends_with(b"]") && !is_priority_name(word)
}

fn is_priority_name(word: &[u8]) -> bool {
    word.len() > 7 && word[..5].eq_ignore_ascii_case(b"local") && word[5].is_ascii_digit() && word[6] == b'.'
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
            "<166>Nov 23 07:04:56 asa1 : ",
            "<166>Nov 23 07:04:56: ",
            "<164>Nov 24 07:04:56 asa1: ",
            "<166>Nov 23 07:04:56.123 asa1: ",
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
    fn a_stamp_is_found_or_missed() {
        assert!(decode_header(b"<166>Nov 23 07:04:56: ").written.is_some());
        assert!(decode_header(b"<166>asa1: ").written.is_none());
        let utc = decode_header(b"Nov 23 2026 07:04:56 UTC asa1: ");
        assert_eq!(utc.sensor, b"asa1");
        let same = decode_header(b"2026-11-23T07:04:56Z 1 asa1: ").written;
        assert_eq!(utc.written.map(|written| written.minute), same.map(|written| written.minute));
    }
}
