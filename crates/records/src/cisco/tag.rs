//! The tag that makes a line a message of a firewall: `%ASA-6-302013: `.

use memchr::memchr_iter;

use crate::digits::parse_decimal;
use crate::syslog::header::elements_len;

/// Where a line's message begins and what it is.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    /// Cisco's `message_id`.
    pub(super) message_id: u32,
    /// Where the tag begins.
    pub(super) start: usize,
    /// Where the text behind it begins.
    pub(super) body: usize,
}

/// The first tag of a line.
#[inline]
pub(super) fn find_tag(line: &[u8]) -> Option<Tag> {
    memchr_iter(b'%', line).find_map(|start| {
        let (message_id, len) = parse_tag(&line[start + 1..])?;
        Some(Tag { message_id, start, body: start + 1 + len })
    })
}

/// What is added to the number of an FWSM's message: it orders the ends of a connection otherwise than the others do.
pub(super) const OF_FWSM: u32 = 1_000_000;
/// The same of an FTD's: its interfaces have no levels of trust, so that neither the order of the ends nor the direction says which is ours.
pub(super) const OF_FTD: u32 = 2_000_000;

/// The message id of a tag without its `%`, and the length of the tag with the colon and space behind it.
///
/// A word may stand before the severity: EMBLEM logs have `%ASA-session-3-106102`.
#[inline(always)]
pub(super) fn parse_tag(text: &[u8]) -> Option<(u32, usize)> {
    match parse_usual_tag(text) {
        Some(message_id) => Some((message_id, 14)),
        None => parse_rare_tag(text),
    }
}

/// The message id of `ASA-6-302013: `, as nearly every line's tag is.
#[inline(always)]
fn parse_usual_tag(text: &[u8]) -> Option<u32> {
    const BEHIND: u64 = 0x203a_0000_0000_0000;
    const NOUGHTS: u64 = 0x3030_3030_3030;
    let [device @ .., severity, b'-', a, b, c, d, e, f, g, h] = text.first_chunk::<14>()? else { return None };
    let of = match device {
        b"PIX-" | b"ASA-" => 0,
        b"FTD-" => OF_FTD,
        _ => return None,
    };
    // Six digits, a colon and a space; what is more than 9 reaches the high half of its byte when 6 are added.
    let digits = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) ^ (BEHIND | NOUGHTS);
    let too_much = (digits | digits.wrapping_add(0x0606_0606_0606)) & 0xffff_f0f0_f0f0_f0f0;
    if too_much != 0 || !severity.is_ascii_digit() {
        return None;
    }
    let pairs = digits * 10 + (digits >> 8);
    let pair = |at: u64| (pairs >> at & 0xff) as u32;
    Some(pair(0) * 10_000 + pair(16) * 100 + pair(32) + of)
}

#[cold]
#[inline(never)]
fn parse_rare_tag(text: &[u8]) -> Option<(u32, usize)> {
    let (device, of) = match text {
        [b'P', b'I', b'X', b'-', ..] | [b'A', b'S', b'A', b'-', ..] => (4, 0),
        [b'F', b'T', b'D', b'-', ..] => (4, OF_FTD),
        [b'F', b'W', b'S', b'M', b'-', ..] => (5, OF_FWSM),
        // What an FTD was before it was a firewall, too: a sensor, whose connections are told as an FTD's.
        [b'N', b'G', b'I', b'P', b'S', b'-', ..] => (6, OF_FTD),
        _ => return None,
    };
    parse_odd_tag(text, device, of)
}

/// A tag with a word (which may be empty) before the severity, or with anything but a colon and a space behind the
/// number.
#[cold]
fn parse_odd_tag(text: &[u8], device: usize, of: u32) -> Option<(u32, usize)> {
    let mut at = device;
    if !text.get(at)?.is_ascii_digit() {
        at += text[at..].iter().take(32).take_while(|byte| byte.is_ascii_lowercase()).count();
        if text.get(at) != Some(&b'-') {
            return None;
        }
        at += 1;
    }
    let [severity, b'-', id @ ..] = text.get(at..)? else { return None };
    let (message_id, 6) = parse_decimal(id)? else { return None };
    if !severity.is_ascii_digit() {
        return None;
    }
    // `%ASA-6-302013 Built` and `%ASA-6-302013 : Built`, too.
    let rest = &id[6..];
    let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let behind = match rest.get(spaces) {
        Some(b':') => spaces + 1 + rest[spaces + 1..].iter().take_while(|byte| **byte == b' ').count(),
        _ if spaces > 0 => spaces + structured_len(&rest[spaces..]).unwrap_or(0),
        _ => return None,
    };
    Some((u32::try_from(message_id).ok()? + of, at + 2 + 6 + behind))
}

/// How long what RFC 5424 has behind a program's name is at the front, where a syslog server took the tag for that: the process, the
/// message's kind, and structured data, or `-` for each.
#[cold]
fn structured_len(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..2 {
        at += text.get(at..)?.iter().position(|byte| *byte == b' ').filter(|len| *len > 0)? + 1;
    }
    let data = text.get(at..)?;
    at += match data {
        [b'-', ..] => 1,
        [b'[', ..] => elements_len(data)?,
        _ => return None,
    };
    let spaces = text[at..].iter().take_while(|byte| **byte == b' ').count();
    (spaces > 0 || at == text.len()).then_some(at + spaces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_every_device_are_found() {
        for (line, id, body) in [
            ("%PIX-6-302013: Built", 302_013, "Built"),
            ("<166>%ASA-6-302014: Teardown", 302_014, "Teardown"),
            ("100% of %FWSM-3-106023:Deny", OF_FWSM + 106_023, "Deny"),
            ("fe80::1%in %FTD-1-430003: x", OF_FTD + 430_003, "x"),
            ("%NGIPS-1-430003: x", OF_FTD + 430_003, "x"),
            ("%ASA-session-3-106102: access", 106_102, "access"),
            ("%FWSM-session-0-106102:  access", OF_FWSM + 106_102, "access"),
            ("%FTD--6-430003: x", OF_FTD + 430_003, "x"),
            ("%ASA-0-302013: Built", 302_013, "Built"),
            ("%ASA-6-302013 Built", 302_013, "Built"),
            ("%ASA-6-302013 : Built", 302_013, "Built"),
            ("%ASA-6-302013\tBuilt", 302_013, "Built"),
            ("%FWSM-6-302013 Built", OF_FWSM + 302_013, "Built"),
            ("%ASA-6-302013:", 302_013, ""),
            ("<166>1 2024-03-04T16:05:00Z asa1 %ASA-6-302013 - - -  Built", 302_013, "Built"),
            ("<166>1 2024-03-04T16:05:00Z asa1 %ASA-6-302013 7 id [a b=\"]\\\"\"][c] Built", 302_013, "Built"),
            ("%ASA-6-302013 Built outbound TCP", 302_013, "Built outbound TCP"),
            ("%ASA-6-302013 a b [c", 302_013, "a b [c"),
        ] {
            let tag = find_tag(line.as_bytes()).map(|tag| (tag.message_id, &line[tag.body..]));
            assert_eq!(tag, Some((id, body)), "{line}");
        }
    }

    #[test]
    fn other_tags_are_not() {
        for line in [
            "%LINEPROTO-5-UPDOWN: x",
            "%ASA-6-30201: x",
            "%ASA-6-3020134: x",
            "%ASA-302013: x",
            "%ASA-x-302013: Built",
            "%ASA-6-302013",
            "%ASA-6-302013Built",
            "%ASA-6-302013-Built",
            "%ASA---6-302013:",
            "%ASA-Session-6-302013:",
            "%ASA-x",
            "%ASA-",
            "%",
            "",
        ] {
            assert!(find_tag(line.as_bytes()).is_none(), "{line}");
        }
    }
}
