//! Juniper SRX: `RT_FLOW_SESSION_CREATE`, `_CLOSE` and `_DENY`, as structured data (RFC 5424) and as sentences, and the port
//! blocks of its NAT (`RT_SRC_NAT_PBA_*`).
//!
//! The names are those of Juniper's "Junos OS System Log Explorer". Releases differ in what stands in a sentence between the
//! translated ends and the protocol, so that this is found by what follows it.

use std::sync::LazyLock;

use memchr::{memchr_iter, memmem};

use super::session::{
    Course, End, PortBlock, Session, answered, name, parse_another, parse_end, parse_mapped, proto_of, reckon_start,
};
use super::{Header, Line, Why};
use crate::fields::{Structured, value, words};
use crate::reckon::{Sent, payload};
use crate::{Ending, Event, Inside, Nanos, RecordId, Stamp};

/// The sensor of a device that is not named.
pub(super) const UNNAMED: &[u8] = b"junos";

static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("RT_"));
static SESSION: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("RT_FLOW_SESSION_"));

/// What a log says, as it is written there.
#[derive(Default)]
struct Log<'a> {
    src: End<'a>,
    dst: End<'a>,
    nat_src: End<'a>,
    nat_dst: End<'a>,
    proto: &'a [u8],
    session: &'a [u8],
    reason: &'a [u8],
    sent: [&'a [u8]; 2],
    rcvd: [&'a [u8]; 2],
    elapsed: &'a [u8],
    application: &'a [u8],
}

/// Where a line's message begins: with its tag, or with the program of that name before it.
pub(super) fn body(line: &[u8]) -> Option<usize> {
    MARK.find_iter(line).find(|at| {
        let rest = &line[*at..];
        [&b"RT_FLOW"[..], b"RT_NAT", b"RT_SRC_NAT"].iter().any(|tag| rest.starts_with(tag))
    })
}

/// A message from its tag on.
pub(super) fn parse<'a>(text: &'a [u8], header: Header<'a>, event: &mut Event) -> Result<Line<'a>, Why> {
    let Header { known, name, own } = header;
    if let Some(at) = SESSION.find(text) {
        let text = &text[at + SESSION.needle().len()..];
        let len = text.iter().position(|byte| !byte.is_ascii_uppercase()).unwrap_or(text.len());
        let (what, text) = text.split_at(len);
        // Of a logical system, or of the services of an MX (MX-SPC3): whose name stands before a sentence.
        let log = match text.strip_prefix(b"_LS").or_else(|| text.strip_prefix(b"_USF")) {
            Some(text) if text.trim_ascii_start().starts_with(b"[") => parse_log(text)?,
            Some(text) => parse_log(memmem::find(text, b": session ").map_or(text, |at| &text[at..]))?,
            None => parse_log(text)?,
        };
        let known = known?;
        match what {
            b"CREATE" => log.session()?.opened(known, event),
            b"CLOSE" => log.whole(known, event)?,
            b"DENY" => log.ends()?.denied(event),
            _ => return Ok(Line::Skipped { name }),
        }
        return Ok(Line::Said { known, name, own });
    }
    if let Some(at) = memmem::find(text, b"RT_SRC_NAT_PBA_") {
        let known = known?;
        return match parse_block(&text[at + b"RT_SRC_NAT_PBA_".len()..], known)? {
            Some(translation) => {
                *event = translation;
                Ok(Line::Said { known, name, own })
            }
            None => Ok(Line::Skipped { name }),
        };
    }
    Ok(Line::Skipped { name })
}

/// What stands behind a tag: ` [junos@2636.1.1.1.2.129 reason="..." ...]`, or `: session closed ...`.
fn parse_log(text: &[u8]) -> Result<Log<'_>, Why> {
    let text = text.trim_ascii_start();
    if text.starts_with(b"[") { Ok(parse_structured(text)) } else { parse_sentence(text) }
}

fn parse_structured(text: &[u8]) -> Log<'_> {
    let mut log = Log::default();
    for param in Structured::new(text) {
        // By length first: most names are of no use, and a list is gone through one by one.
        let slot = match param.name.len() {
            6 => match param.name {
                b"reason" => &mut log.reason,
                _ => continue,
            },
            10 => match param.name {
                b"session-id" => &mut log.session,
                _ => continue,
            },
            11 => match param.name {
                b"source-port" => &mut log.src[1],
                b"protocol-id" => &mut log.proto,
                b"application" => &mut log.application,
                _ => continue,
            },
            12 => match param.name {
                b"elapsed-time" => &mut log.elapsed,
                _ => continue,
            },
            13 => match param.name {
                b"session-id-32" => &mut log.session,
                _ => continue,
            },
            14 => match param.name {
                b"source-address" => &mut log.src[0],
                _ => continue,
            },
            15 => match param.name {
                b"nat-source-port" => &mut log.nat_src[1],
                _ => continue,
            },
            16 => match param.name {
                b"destination-port" => &mut log.dst[1],
                _ => continue,
            },
            17 => match param.name {
                b"bytes-from-client" => &mut log.sent[0],
                b"bytes-from-server" => &mut log.rcvd[0],
                _ => continue,
            },
            18 => match param.name {
                b"nat-source-address" => &mut log.nat_src[0],
                _ => continue,
            },
            19 => match param.name {
                b"destination-address" => &mut log.dst[0],
                b"packets-from-client" => &mut log.sent[1],
                b"packets-from-server" => &mut log.rcvd[1],
                _ => continue,
            },
            20 => match param.name {
                b"nat-destination-port" => &mut log.nat_dst[1],
                _ => continue,
            },
            23 => match param.name {
                b"nat-destination-address" => &mut log.nat_dst[0],
                _ => continue,
            },
            _ => continue,
        };
        *slot = param.value;
    }
    log
}

/// `session created A/p->B/p [tag] service A/p->B/p [tag] rules proto policy zone zone id ...`, `session closed reason: `
/// the same and `packets(bytes) packets(bytes) seconds application ...`, `session denied A/p->B/p [tag] service proto(type) ...`.
fn parse_sentence(text: &[u8]) -> Result<Log<'_>, Why> {
    let text = text.strip_prefix(b":").unwrap_or(text).trim_ascii_start();
    let mut log = Log::default();
    let text = if let Some(rest) = text.strip_prefix(b"session closed ") {
        let colon = memmem::find(rest, b": ").ok_or("no reason")?;
        log.reason = &rest[..colon];
        &rest[colon + 2..]
    } else {
        let rest = text.strip_prefix(b"session created ").or_else(|| text.strip_prefix(b"session denied "));
        rest.ok_or("neither structured data nor a sentence about a session")?
    };
    let mut words = words(text);
    (log.src, log.dst) = words.next().and_then(parse_flow).ok_or("no ends")?;
    // The service's name, a tag of the connection before it in later releases; then the translated ends, but of what was denied.
    let mut rest = words.clone().take(3).skip_while(|word| parse_flow(word).is_none());
    if let Some((src, dst)) = rest.next().and_then(parse_flow) {
        (log.nat_src, log.nat_dst) = (src, dst);
        words.by_ref().find(|word| parse_flow(word).is_some());
        parse_behind_ends(words, &mut log);
    } else {
        let proto = words.find_map(|word| word.strip_suffix(b")")?.split(|byte| *byte == b'(').next());
        log.proto = proto.unwrap_or_default();
    }
    Ok(log)
}

/// The protocol is the first number that has a session's number four words behind it.
fn parse_behind_ends<'a>(words: impl Iterator<Item = &'a [u8]> + Clone, log: &mut Log<'a>) {
    let is_number = |word: &[u8]| word.first().is_some_and(u8::is_ascii_digit) && value::number(word).is_some();
    let mut from = words;
    loop {
        let mut here = from.clone();
        let Some(word) = here.next() else { return };
        if is_number(word)
            && let Some(session) = here.by_ref().nth(3).filter(|word| is_number(word))
        {
            (log.proto, log.session) = (word, session);
            log.sent = here.next().map(parse_count).unwrap_or_default();
            log.rcvd = here.next().map(parse_count).unwrap_or_default();
            log.elapsed = here.next().unwrap_or_default();
            log.application = here.next().unwrap_or_default();
            return;
        }
        from.next();
    }
}

/// `192.0.2.1/2007->198.51.100.7/25`.
fn parse_flow(word: &[u8]) -> Option<(End<'_>, End<'_>)> {
    let arrow = memchr_iter(b'>', word).find_map(|head| head.checked_sub(1).filter(|dash| word[*dash] == b'-'))?;
    Some((parse_slash(&word[..arrow])?, parse_slash(&word[arrow + 2..])?))
}

fn parse_slash(text: &[u8]) -> Option<End<'_>> {
    let slash = text.iter().rposition(|byte| *byte == b'/')?;
    Some([&text[..slash], &text[slash + 1..]])
}

/// `packets(bytes)`, told bytes first.
fn parse_count(word: &[u8]) -> [&[u8]; 2] {
    let Some(open) = word.iter().position(|byte| *byte == b'(') else { return [&[]; 2] };
    [word[open + 1..].strip_suffix(b")").unwrap_or_default(), &word[..open]]
}

impl Log<'_> {
    fn ends(&self) -> Result<Session, Why> {
        let proto = proto_of(value::number(self.proto).ok_or("a protocol that is no number")?);
        let orig = parse_end(proto, self.src).ok_or("a source that is no address and port")?;
        let dst = parse_end(proto, self.dst).ok_or("a destination that is no address and port")?;
        let nat_src = parse_mapped(proto, self.nat_src);
        let nat_dst = parse_another(proto, self.nat_dst, (self.dst, dst)).filter(|end| !end.addr.is_unspecified());
        let resp = nat_dst.unwrap_or(dst);
        Ok(Session {
            id: RecordId::Device(value::number(self.session).unwrap_or(0)),
            proto,
            orig,
            resp,
            mapped: [nat_src.filter(|end| *end != orig), (resp != dst).then_some(dst)],
            // A zone has the name that its owner gave it.
            inside: Inside::default(),
        })
    }

    fn session(&self) -> Result<Session, Why> {
        value::number(self.session).ok_or("a session id that is no number")?;
        self.ends()
    }

    fn whole(&self, known: Stamp, event: &mut Event) -> Result<(), Why> {
        let session = self.session()?;
        let seconds = value::number(self.elapsed).ok_or("an elapsed time that is no number")?;
        let (start, duration) = reckon_start(known, seconds).ok_or("an elapsed time that is too long")?;
        let counted = |[bytes, packets]: [&[u8]; 2]| {
            Some(Sent { bytes: value::number(bytes)?, packets: value::number(packets), link: None })
        };
        let (orig, resp) = counted(self.sent).zip(counted(self.rcvd)).ok_or("packets and bytes that are no numbers")?;
        let known_application = !matches!(self.application, b"UNKNOWN" | b"N/A" | b"INCONCLUSIVE");
        let course = Course {
            start,
            duration: Some(duration),
            bytes: Some(payload(session.proto, session.orig.addr, orig, resp)),
            ending: ending(self.reason, resp.bytes == 0),
            answered: answered(session.proto, session.orig.addr, orig, resp),
            service: if known_application { name(self.application) } else { None },
        };
        session.whole(course, event);
        Ok(())
    }
}

/// `reason`, by the System Log Explorer under RT_FLOW_SESSION_CLOSE.
fn ending(reason: &[u8], silent: bool) -> Ending {
    let is = |text: &[u8]| reason.eq_ignore_ascii_case(text);
    match reason {
        _ if is(b"TCP FIN") => Ending::Fins,
        _ if is(b"TCP CLIENT RST") => Ending::ResetByOrig,
        _ if is(b"TCP SERVER RST") => Ending::ResetByResp,
        _ if is(b"TCP RST") => Ending::Reset,
        _ if (is(b"idle Timeout") || is(b"ICMP error")) && silent => Ending::NoAnswer,
        _ if is(b"idle Timeout") => Ending::Idle,
        _ if is(b"") || is(b"unset") || is(b"N/A") || is(b"response received") || is(b"ICMP error") => Ending::Unknown,
        _ => Ending::ByDevice,
    }
}

/// `ALLOC`, `RELEASE` or `INTERIM`, which tells once more of what was allocated, and the block: as structured data, or
/// `: Subscriber A used/maximum [1/4] blocks, allocates port block [1024-1151] from M in source pool p`.
fn parse_block(text: &[u8], known: Stamp) -> Result<Option<Event>, Why> {
    let len = text.iter().position(|byte| !byte.is_ascii_uppercase()).unwrap_or(text.len());
    let (what, text) = text.split_at(len);
    let gone = match what {
        b"ALLOC" | b"INTERIM" => false,
        b"RELEASE" => true,
        _ => return Ok(None),
    };
    let (mut block, mut since): (_, &[u8]) = (PortBlock::default(), &[]);
    let text = text.trim_ascii_start();
    if text.starts_with(b"[") {
        for param in Structured::new(text) {
            match param.name {
                b"internal-ip" => block.real = param.value,
                b"reflexive-ip" => block.mapped = param.value,
                b"block-port-low" => block.first = param.value,
                b"block-port-high" => block.last = param.value,
                b"epoch-time-64" => since = param.value,
                _ => {}
            }
        }
    } else {
        let behind = |word: &[u8]| {
            let rest = &text[memmem::find(text, word)? + word.len()..];
            Some(&rest[..rest.iter().position(|byte| matches!(byte, b' ' | b']')).unwrap_or(rest.len())])
        };
        block.real = behind(b"Subscriber ").unwrap_or_default();
        block.mapped = behind(b"] from ").unwrap_or_default();
        let range = behind(b"port block [").unwrap_or_default();
        let dash = range.iter().position(|byte| *byte == b'-').unwrap_or(range.len());
        (block.first, block.last) = (&range[..dash], range.get(dash + 1..).unwrap_or_default());
    }
    // Since when it was the subscriber's: seconds in hexadecimal digits.
    let since = std::str::from_utf8(since).ok().and_then(|digits| i64::from_str_radix(digits, 16).ok());
    let life = since.map(|since| known.at.since(Nanos::from_secs(since))).filter(|life| *life >= 0);
    block.translation(gone.then_some(life)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proto;

    #[test]
    fn a_flow_has_two_ends() {
        let flow = parse_flow(b"2001:db8::1/2007->198.51.100.7/25").unwrap();
        assert_eq!(flow, ([&b"2001:db8::1"[..], b"2007"], [&b"198.51.100.7"[..], b"25"]));
        for text in ["", "->", "192.0.2.1->192.0.2.2", "192.0.2.1/1", "192.0.2.1/1-192.0.2.2/2"] {
            assert_eq!(parse_flow(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_protocol_is_found_behind_rules_of_any_name() {
        let found = |words: &'static str| {
            let mut log = Log::default();
            parse_behind_ends(words.as_bytes().split(|byte| *byte == b' '), &mut log);
            [log.proto, log.session, log.sent[0], log.sent[1], log.elapsed]
                .map(|text| String::from_utf8_lossy(text).into_owned())
        };
        for words in [
            "None None 6 p trust untrust 77 6(337) 4(535) 1 HTTP",
            "1 None 6 1 trust untrust 77 6(337) 4(535) 1",
            "0x0 source rule 4 N/A N/A 6 p trust untrust 77 6(337) 4(535) 1",
        ] {
            assert_eq!(found(words), ["6", "77", "337", "6", "1"], "{words}");
        }
        assert_eq!(found("None None six p trust untrust 77"), ["", "", "", "", ""]);
    }

    #[test]
    fn endpoints_of_a_denial_need_no_session() {
        let log = parse_sentence(b": session denied 192.0.2.1/1->198.51.100.7/25 0x0 None 6(0) p a b").unwrap();
        assert_eq!(log.ends().map(|session| (session.proto, session.resp.port)), Ok((Proto::Tcp, 25)));
        assert_eq!(log.session().map(|session| session.orig), Err("a session id that is no number"));
    }
}
