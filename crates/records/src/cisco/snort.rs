//! Connection events of FTD: 430002 at the beginning of a connection, 430003 at its end. They are written by Snort, and
//! are pairs `Key: value` with commas between.

use std::net::IpAddr;

use memchr::memchr_iter;

use super::odd::Says;
use super::party::named_inside;
use super::party::parse_address;
use super::{UNKNOWN, Why};
use crate::reckon::{Sent, ethernet, payload};
use crate::syslog::written::parse_rfc3339;
use crate::{
    ByteCount, ByteKind, Bytes, Denied, Ending, Endpoint, Event, Inside, Nanos, Opened, Proto, RecordId, Stamp, Uid,
    Whole,
};

/// The fewest bytes of a frame that holds IPv4, with its Ethernet header.
const SMALLEST_FRAME: u64 = 34;
/// How far the first packet's moment may be from what the header's stamp and the duration say, in nanoseconds: beyond, the
/// two are not of one clock (the first packet's is UTC, and the header's may be a syslog server's).
const SAME_CLOCK: i64 = 60 * Nanos::SECOND;

/// What a message says by name.
#[derive(Default)]
struct Fields<'a> {
    action: &'a [u8],
    orig: &'a [u8],
    resp: &'a [u8],
    ports: [Option<u16>; 2],
    proto: &'a [u8],
    interfaces: [&'a [u8]; 2],
    instance: &'a [u8],
    connection: &'a [u8],
    first_packet: &'a [u8],
    duration: Count,
    packets: [Count; 2],
    bytes: [Count; 2],
}

/// A number; one that is given twice with different values is not known, for what a client says of itself stands in the
/// same line.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Count {
    #[default]
    Absent,
    Is(u64),
    Disputed,
}

impl Count {
    fn see(&mut self, value: &[u8]) {
        let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        *self = match (*self, number) {
            (Self::Absent, Some(number)) => Self::Is(number),
            (Self::Is(before), Some(number)) if before == number => Self::Is(number),
            _ => Self::Disputed,
        };
    }

    fn known(self) -> Option<u64> {
        match self {
            Self::Is(number) => Some(number),
            Self::Absent | Self::Disputed => None,
        }
    }
}

impl<'a> Fields<'a> {
    /// What stands first counts: the ends are written before anything that a client or a server says.
    fn decode(text: &'a [u8]) -> Self {
        let mut fields = Self::default();
        let first = |field: &mut &'a [u8], value| {
            if field.is_empty() {
                *field = value;
            }
        };
        let mut rest = text;
        while !rest.is_empty() {
            let end = find_behind_space(b',', rest).unwrap_or(rest.len());
            let (pair, after) = (&rest[..end], rest.get(end + 2..).unwrap_or_default());
            rest = after;
            let Some(colon) = find_behind_space(b':', pair) else { continue };
            let value = pair[colon + 2..].trim_ascii();
            match pair[..colon].trim_ascii_start() {
                b"AccessControlRuleAction" => first(&mut fields.action, value),
                b"SrcIP" => first(&mut fields.orig, value),
                b"DstIP" => first(&mut fields.resp, value),
                b"SrcPort" => fields.ports[0] = fields.ports[0].or_else(|| parse_port(value)),
                b"DstPort" => fields.ports[1] = fields.ports[1].or_else(|| parse_port(value)),
                b"Protocol" => first(&mut fields.proto, value),
                b"IngressInterface" => first(&mut fields.interfaces[0], value),
                b"EgressInterface" => first(&mut fields.interfaces[1], value),
                b"InstanceID" => first(&mut fields.instance, value),
                b"ConnectionID" => first(&mut fields.connection, value),
                b"FirstPacketSecond" => first(&mut fields.first_packet, value),
                b"ConnectionDuration" => fields.duration.see(value),
                b"InitiatorPackets" => fields.packets[0].see(value),
                b"ResponderPackets" => fields.packets[1].see(value),
                b"InitiatorBytes" => fields.bytes[0].see(value),
                b"ResponderBytes" => fields.bytes[1].see(value),
                _ => {}
            }
        }
        fields
    }

    fn ends(&self, proto: Proto) -> Result<(Endpoint, Endpoint), Why> {
        let has_ports = matches!(proto, Proto::Tcp | Proto::Udp);
        let end = |addr, port: Option<u16>| {
            let (addr, _) = parse_address(addr).ok_or("no address (SrcIP, DstIP)")?;
            match port {
                None if has_ports => Err("no port (SrcPort, DstPort)"),
                port => Ok(Endpoint { addr: addr.into(), port: port.unwrap_or(0) }),
            }
        };
        Ok((end(self.orig, self.ports[0])?, end(self.resp, self.ports[1])?))
    }

    /// The device's number is unique with the instance of Snort and the second of the first packet; earlier versions have
    /// none, and then the ends stand for it.
    fn id(&self, orig: Endpoint, resp: Endpoint) -> RecordId {
        let first = self.first_packet.iter().filter(|byte| byte.is_ascii_digit()).map(|&digit| char::from(digit));
        let name = if self.connection.is_empty() {
            format!("{orig} {resp} {}", first.collect::<String>())
        } else {
            let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
            format!("{}-{}-{}", text(self.instance), text(self.connection), first.collect::<String>())
        };
        RecordId::Uid(Uid::new(name.as_bytes()))
    }

    fn inside(&self) -> Inside {
        Inside { orig: named_inside(self.interfaces[0]), resp: named_inside(self.interfaces[1]) }
    }

    /// Snort counts frames, of which the payload is reckoned. What it is told to trust passes it by, and then the counts are the data
    /// plane's, of payload, as they are where there are fewer bytes than so many frames would have.
    fn bytes(&self, proto: Proto, addr: IpAddr) -> Option<Bytes> {
        let (orig, resp) = (self.bytes[0].known()?, self.bytes[1].known()?);
        let packets = [self.packets[0].known()?, self.packets[1].known()?];
        let are_frames =
            |bytes: u64, packets: u64| (packets > 0) == (bytes > 0) && bytes >= packets.saturating_mul(SMALLEST_FRAME);
        let trusted = [&b"Trust"[..], b"Fastpath"].contains(&self.action);
        if trusted || !are_frames(orig, packets[0]) || !are_frames(resp, packets[1]) {
            let kind = ByteKind::PayloadRetransmitted;
            return Some(Bytes { kind, count: ByteCount::Directed { orig, resp } });
        }
        let sent = |bytes, packets| Sent { bytes, packets: Some(packets), link: Some(ethernet(b"")) };
        Some(payload(proto, addr.into(), sent(orig, packets[0]), sent(resp, packets[1])))
    }

    /// Of TCP who sent no second packet did not go on: the answer to the first was a reset.
    fn answered(&self, proto: Proto) -> Option<bool> {
        match (self.packets[0].known()?, self.packets[1].known()?) {
            (1, 1..) if proto == Proto::Tcp => Some(false),
            (_, 1..) => Some(true),
            (1.., 0) => Some(false),
            (0, 0) => None,
        }
    }
}

/// The first `wanted` that has a space behind it. Pairs are short: a search for both must first find out how to search.
#[inline]
fn find_behind_space(wanted: u8, text: &[u8]) -> Option<usize> {
    memchr_iter(wanted, text).find(|at| text.get(at + 1) == Some(&b' '))
}

fn parse_port(value: &[u8]) -> Option<u16> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn parse_proto(name: &[u8]) -> Result<Proto, Why> {
    if name.is_empty() {
        return Err("no protocol");
    }
    super::denial::parse_proto(&mut super::text::Text::new(name))
}

/// 430002 and, `at_end`, 430003.
pub(super) fn parse(at_end: bool, text: &[u8], event: &mut Event) -> Result<Says, Why> {
    let fields = Fields::decode(text);
    let proto = parse_proto(fields.proto)?;
    let (orig, resp) = fields.ends(proto)?;
    let id = fields.id(orig, resp);
    let inside = fields.inside();
    let blocked = fields.action.windows(5).any(|word| word == b"Block");
    *event = if blocked && !(at_end && fields.answered(proto) == Some(true)) {
        Event::Denied(Denied { proto, orig, resp, attempt: true, count: 1, over: 0 })
    } else if at_end {
        let seconds = fields.duration.known();
        let duration = seconds.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(Nanos::SECOND));
        let start = Stamp { at: parse_rfc3339(fields.first_packet).unwrap_or(Nanos::MIN), ..UNKNOWN };
        Event::Whole(Whole {
            id,
            proto,
            orig,
            resp,
            inside,
            start,
            duration,
            bytes: fields.bytes(proto, resp.addr),
            // Of others it does not say.
            ending: if blocked { Ending::ByDevice } else { Ending::Unknown },
            answered: fields.answered(proto),
            state: None,
            service: None,
            history: None,
            beside: crate::Beside::Nothing,
        })
    } else {
        Event::Opened(Opened { id, proto, start: UNKNOWN, orig, resp, mapped_orig: None, mapped_resp: None, inside })
    };
    Ok(Says::Event)
}

/// When a connection's beginning or end became known, by its first packet and its duration.
pub(super) fn moment(at_end: bool, text: &[u8]) -> Option<Nanos> {
    let fields = Fields::decode(text);
    let first = parse_rfc3339(fields.first_packet)?;
    let lasted = if at_end { i64::try_from(fields.duration.known()?).ok()?.checked_mul(Nanos::SECOND)? } else { 0 };
    Some(first.plus(lasted))
}

/// When a whole connection began that became known at `known`: with its first packet, where the header's clock is of the
/// same hour, else its life before.
pub(super) fn start_of(whole: &Whole, known: Stamp) -> Stamp {
    let by_duration = known.at.plus(-whole.duration.unwrap_or(0));
    let apart = whole.start.at.since(by_duration).saturating_abs();
    let (at, resolution) = if whole.start.at != Nanos::MIN && apart <= SAME_CLOCK && whole.start.at <= known.at {
        (whole.start.at, 1_000_000_000)
    } else {
        (by_duration, known.resolution)
    };
    Stamp { at, resolution, sensor: known.sensor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SensorId;
    use crate::cisco::tests::parse as put;

    const HEAD: &str = "EventPriority: Low, DeviceUUID: 00000000-0000-4000-a000-000000000001, InstanceID: 7, FirstPacketSecond: 2026-06-28T23:40:12Z, ConnectionID: 50501";
    const ENDS: &str = "SrcIP: 10.0.0.32, DstIP: 203.0.113.10, SrcPort: 60210, DstPort: 443, Protocol: tcp, IngressInterface: inside, EgressInterface: wan";

    fn event(message_id: u32, text: &str) -> Result<Event, Why> {
        put(|event| parse(message_id == 430_003, text.as_bytes(), event).map(|_| ()))
    }

    fn whole(text: &str) -> Whole {
        match event(430_003, text) {
            Ok(Event::Whole(whole)) => whole,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_connection_is_told_at_its_beginning_and_at_its_end_by_one_name() {
        let text = format!("{HEAD}, AccessControlRuleAction: Allow, {ENDS}, ACPolicy: a, b: c");
        let Ok(Event::Opened(opened)) = event(430_002, &text) else { panic!("{text}") };
        assert_eq!(
            (opened.orig.to_string(), opened.resp.to_string()),
            ("10.0.0.32:60210".into(), "203.0.113.10:443".into())
        );
        assert_eq!(opened.inside, Inside { orig: Some(true), resp: None });
        let text = format!(
            "{text}, ConnectionDuration: 300, InitiatorPackets: 10, ResponderPackets: 8, InitiatorBytes: 900, ResponderBytes: 4000, NAPPolicy: Balanced"
        );
        let whole = whole(&text);
        assert_eq!((whole.id, whole.orig, whole.resp), (opened.id, opened.orig, opened.resp));
        assert_eq!(whole.id, RecordId::Uid(Uid::new(b"7-50501-20260628234012")));
        assert_eq!(whole.duration, Some(300 * Nanos::SECOND));
        // Ten frames and eight, of 66 bytes of headers each, and eight more of the first.
        let count = ByteCount::Directed { orig: 900 - 668, resp: 4000 - 536 };
        assert_eq!((whole.bytes, whole.answered), (Some(Bytes { kind: ByteKind::PayloadReckoned, count }), Some(true)));
        assert_eq!(whole.start.at, Nanos::from_secs(1_782_690_012));
    }

    #[test]
    fn what_is_blocked_is_denied() {
        for action in ["Block", "Block with reset", "Interactive Block"] {
            let text = format!("AccessControlRuleAction: {action}, {ENDS}, InitiatorPackets: 1, ResponderPackets: 0");
            for message_id in [430_002, 430_003] {
                let Ok(Event::Denied(denied)) = event(message_id, &text) else { panic!("{text}") };
                assert_eq!((denied.proto, denied.attempt, denied.count), (Proto::Tcp, true, 1));
                assert_eq!(denied.resp.to_string(), "203.0.113.10:443");
            }
        }
        let text = format!("AccessControlRuleAction: Block, {ENDS}, InitiatorPackets: 9, ResponderPackets: 7");
        let whole = whole(&text);
        assert_eq!(
            (whole.answered, whole.ending),
            (Some(true), Ending::ByDevice),
            "it was blocked when something had been said"
        );
    }

    #[test]
    fn bytes_are_frames_unless_that_cannot_be() {
        for (action, counts, kind) in [
            ("Allow", [1, 1, 74, 60], ByteKind::PayloadReckoned),
            ("Allow", [1, 1, 31, 238], ByteKind::PayloadRetransmitted),
            ("Allow", [0, 0, 31, 0], ByteKind::PayloadRetransmitted),
            ("Trust", [1, 1, 74, 60], ByteKind::PayloadRetransmitted),
        ] {
            let [a, b, c, d] = counts;
            let text = format!(
                "AccessControlRuleAction: {action}, {ENDS}, InitiatorPackets: {a}, ResponderPackets: {b}, InitiatorBytes: {c}, ResponderBytes: {d}"
            );
            assert_eq!(whole(&text).bytes.map(|bytes| bytes.kind), Some(kind), "{text}");
        }
        assert_eq!(whole(&format!("{ENDS}, InitiatorBytes: 5")).bytes, None);
    }

    #[test]
    fn what_a_client_says_of_itself_changes_nothing() {
        let agent = "UserAgent: x, SrcIP: 192.0.2.66, DstPort: 25, ResponderBytes: 1, InitiatorPackets: 1";
        let text = format!(
            "{ENDS}, {agent}, ConnectionDuration: 5, InitiatorPackets: 4, ResponderPackets: 4, InitiatorBytes: 400, ResponderBytes: 500"
        );
        let whole = whole(&text);
        assert_eq!(
            (whole.orig.to_string(), whole.resp.to_string()),
            ("10.0.0.32:60210".into(), "203.0.113.10:443".into())
        );
        assert_eq!((whole.bytes, whole.answered), (None, None));
    }

    #[test]
    fn what_has_no_ports_has_none() {
        let text = "SrcIP: 10.0.0.32, DstIP: 2001:db8::1, ICMPType: Echo Request, ICMPCode: No Code, Protocol: icmp";
        assert_eq!(whole(text).resp.to_string(), "[2001:db8::1]:0");
        for (text, why) in [
            ("SrcIP: 10.0.0.32, DstIP: 10.0.0.33, Protocol: tcp, SrcPort: 5", "no port (SrcPort, DstPort)"),
            ("SrcIP: host, DstIP: 10.0.0.33, Protocol: tcp, SrcPort: 5", "no address (SrcIP, DstIP)"),
            ("SrcIP: 10.0.0.32, DstIP: 10.0.0.33", "no protocol"),
            ("", "no protocol"),
        ] {
            assert_eq!(event(430_003, text), Err(why), "{text}");
        }
    }

    #[test]
    fn the_first_packet_is_believed_where_the_clocks_are_one() {
        let known = |secs| Stamp { at: Nanos::from_secs(secs), resolution: 1_000_000, sensor: SensorId(7) };
        let of = |first, duration: i64| {
            let text = format!("FirstPacketSecond: {first}, {ENDS}, ConnectionDuration: {duration}");
            whole(&text)
        };
        let (end, hour) = (1_782_690_312, 3600);
        let near = of("2026-06-28T23:40:12Z", 298);
        assert_eq!(start_of(&near, known(end)).at, Nanos::from_secs(end - 300));
        assert_eq!(start_of(&near, known(end + hour)).at, Nanos::from_secs(end + hour - 298));
        assert_eq!(start_of(&of("", 298), known(end)).at, Nanos::from_secs(end - 298));
    }
}
