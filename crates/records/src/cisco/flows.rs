//! Connections of other kinds, and of other devices' order: 302017, 302018, 302035, 302036, 302303 to 302306, and what
//! FWSM writes.

use super::connection::{decode_inside, parse_bytes};
use super::ending::decode_reason;
use super::party::Party;
use super::text::{Text, parse_duration};
use super::{UNKNOWN, Why};
use crate::end::End;
use crate::{Closed, Ending, Event, Inside, Opened, Proto, RecordId};

/// What a message says of a connection beside its numbers.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// How it is called.
    name: &'static [u8],
    proto: Proto,
    order: Order,
}

/// Which end a device names first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The one of the less trusted interface: PIX, ASA and FTD.
    ByLevel,
    /// The one that opened it: FWSM whatever the direction, and connections of which the state is not looked at.
    OrigFirst,
}

impl Kind {
    const GRE: Proto = Proto::Other(47);
    const SCTP: Proto = Proto::Other(132);

    /// What message `message_id` is of.
    pub(super) fn of(message_id: u32, fwsm: bool) -> Self {
        let (name, proto, order): (&[u8], _, _) = match message_id {
            302_013 | 302_014 => (b"TCP connection ", Proto::Tcp, Order::ByLevel),
            302_015 | 302_016 => (b"UDP connection ", Proto::Udp, Order::ByLevel),
            302_017 | 302_018 => (b"GRE connection ", Self::GRE, Order::ByLevel),
            302_035 | 302_036 => (b"SCTP connection ", Self::SCTP, Order::ByLevel),
            302_303 | 302_304 => (b"TCP state-bypass connection ", Proto::Tcp, Order::OrigFirst),
            _ => (b"SCTP state-bypass connection ", Self::SCTP, Order::OrigFirst),
        };
        Self { name, proto, order: if fwsm { Order::OrigFirst } else { order } }
    }

    /// GRE has no ports, or its call's key in place of one.
    fn end(self, party: &Party<'_>) -> Result<End, Why> {
        if self.proto == Self::GRE { Ok(party.end_or_zero()) } else { party.end() }
    }

    fn parse_id(self, text: &mut Text<'_>) -> Result<RecordId, Why> {
        text.parse_literal(self.name, "another protocol than its message id's")?;
        let id = text.parse_number().ok_or("no connection id")?;
        if !text.eat(b" for ") {
            text.parse_literal(b" from ", "no first end")?;
        }
        Ok(RecordId::Device(id))
    }
}

/// `Built [{inbound|outbound}] NAME connection ID {for|from} IFC:A[/p] (mapped) to IFC:B[/p] (mapped)`.
pub(super) fn parse_built(mut text: Text<'_>, kind: Kind, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Built ", "not a built connection")?;
    let outbound = text.eat(b"outbound ");
    let directed = outbound || text.eat(b"inbound ");
    if !directed && kind.order == Order::ByLevel {
        return Err("no direction");
    }
    let id = kind.parse_id(&mut text)?;
    let first = text.parse_party()?;
    let mapped_first = text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let second = text.parse_party()?;
    let mapped_second = text.decode_groups();
    let inside = match (kind.order, directed) {
        (Order::ByLevel, _) => decode_inside(&first, &second),
        (Order::OrigFirst, true) => Inside {
            orig: Some(first.named_inside().unwrap_or(outbound)),
            resp: Some(second.named_inside().unwrap_or(!outbound)),
        },
        (Order::OrigFirst, false) => named_inside(&first, &second),
    };
    let (first, second) = (kind.end(&first)?.into(), kind.end(&second)?.into());
    let (mapped_first, mapped_second) = (mapped_first.map(Into::into), mapped_second.map(Into::into));
    let (proto, start) = (kind.proto, UNKNOWN);
    *event = Event::Opened(if outbound && kind.order == Order::ByLevel {
        let (mapped_orig, mapped_resp) = (mapped_second, mapped_first);
        let inside = Inside { orig: inside.resp, resp: inside.orig };
        Opened { id, proto, start, orig: second, resp: first, mapped_orig, mapped_resp, inside }
    } else {
        let (mapped_orig, mapped_resp) = (mapped_first, mapped_second);
        Opened { id, proto, start, orig: first, resp: second, mapped_orig, mapped_resp, inside }
    });
    Ok(())
}

/// `Teardown NAME connection ID {for|from} IFC:A[/p] to IFC:B[/p] duration h:mm:ss bytes N [reason] [(user)]`; a comma may
/// stand behind the second end and the duration.
pub(super) fn parse_teardown(mut text: Text<'_>, kind: Kind, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Teardown ", "not a teardown")?;
    let id = kind.parse_id(&mut text)?;
    let first = text.parse_party()?;
    text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let second = text.parse_party()?;
    text.decode_groups();
    text.eat(b",");
    text.parse_literal(b" duration ", "no duration")?;
    let duration = parse_duration(&mut text).ok_or("a duration that is no time")?;
    text.eat(b",");
    let bytes = parse_bytes(&mut text)?;
    text.eat(b",");
    text.skip_spaces();
    let ending = decode_reason(text.rest(), first.interface, second.interface);
    let (inside, ending) = match kind.order {
        Order::ByLevel => (decode_inside(&first, &second), ending),
        // It does not say which way the connection went, so neither which end is the inside of a reset.
        Order::OrigFirst => {
            let inside = named_inside(&first, &second);
            (inside, reset_by(ending, text.rest(), inside))
        }
    };
    let (first, second) = (kind.end(&first)?.into(), kind.end(&second)?.into());
    let proto = kind.proto;
    *event = Event::Closed(Closed { id, proto, first, second, inside, duration, ended: None, bytes, ending });
    Ok(())
}

fn named_inside(first: &Party<'_>, second: &Party<'_>) -> Inside {
    Inside { orig: first.named_inside(), resp: second.named_inside() }
}

/// The same ending where `Reset-I` is not the second end's of itself.
fn reset_by(ending: Ending, reason: &[u8], inside: Inside) -> Ending {
    let by_level = !reason.windows(6).any(|words| words == b" from ");
    match ending {
        Ending::ResetByOrig | Ending::ResetByResp if by_level => match (inside.orig, inside.resp) {
            (Some(false), _) | (None, Some(true)) => ending,
            (Some(true), Some(false) | None) | (None, Some(false)) => ending.turned(),
            (Some(true), Some(true)) | (None, None) => Ending::Reset,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;
    use crate::{Bytes, Nanos};

    fn opened(message_id: u32, fwsm: bool, text: &str) -> Opened {
        match parse(|event| parse_built(Text::new(text.as_bytes()), Kind::of(message_id, fwsm), event)) {
            Ok(Event::Opened(opened)) => opened,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn closed(message_id: u32, fwsm: bool, text: &str) -> Closed {
        match parse(|event| parse_teardown(Text::new(text.as_bytes()), Kind::of(message_id, fwsm), event)) {
            Ok(Event::Closed(closed)) => closed,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn other_protocols_are_read_as_the_usual_ones_are() {
        for (id, text, proto, orig, resp) in [
            (
                302_017,
                "Built inbound GRE connection 7951 from outside:192.0.2.5 (192.0.2.5) to inside:10.0.0.1/55443 (192.0.2.76/23456)",
                Proto::Other(47),
                "192.0.2.5:0",
                "10.0.0.1:55443",
            ),
            (
                302_017,
                "Built outbound GRE connection 7951 from outside:192.0.2.5/355 (192.0.2.5/355)(LOCAL\\jane doe) to inside:10.0.0.1/5 (192.0.2.76/5) (jane)",
                Proto::Other(47),
                "10.0.0.1:5",
                "192.0.2.5:355",
            ),
            (
                302_035,
                "Built outbound SCTP connection 8 for outside:192.0.2.5/2905 (192.0.2.5/2905) to inside:10.0.0.1/2905 (192.0.2.76/2905)",
                Proto::Other(132),
                "10.0.0.1:2905",
                "192.0.2.5:2905",
            ),
            (
                302_303,
                "Built TCP state-bypass connection 9 from inside:10.0.0.1/40000 (10.0.0.1/40000) to outside:192.0.2.5/443 (192.0.2.5/443)",
                Proto::Tcp,
                "10.0.0.1:40000",
                "192.0.2.5:443",
            ),
            (
                302_305,
                "Built SCTP state-bypass connection 9 from lan:10.0.0.1/40000 (10.0.0.1/40000) to wan:192.0.2.5/443 (192.0.2.5/443)",
                Proto::Other(132),
                "10.0.0.1:40000",
                "192.0.2.5:443",
            ),
        ] {
            let conn = opened(id, false, text);
            assert_eq!((conn.proto, conn.orig.to_string(), conn.resp.to_string()), (proto, orig.into(), resp.into()));
            let ours = (id != 302_305).then_some(true);
            let inside = if conn.orig.to_string().starts_with("10.") { conn.inside.orig } else { conn.inside.resp };
            assert_eq!(inside, ours, "{text}");
        }
    }

    #[test]
    fn their_teardowns_are_too() {
        for (id, text, proto, ends, ending) in [
            (
                302_018,
                "Teardown GRE connection 7951 from outside:192.0.2.5/355 (192.0.2.5/355) (u) to inside:10.0.0.1/5 (192.0.2.76/5) (u2) duration 25:02:31 bytes 66429 (u3)",
                Proto::Other(47),
                ("192.0.2.5:355", "10.0.0.1:5"),
                Ending::Unknown,
            ),
            (
                302_036,
                "Teardown SCTP connection 8 for outside:192.0.2.5/2905 to inside:10.0.0.1/2905 duration 25:02:31 bytes 66429 Conn-timeout",
                Proto::Other(132),
                ("192.0.2.5:2905", "10.0.0.1:2905"),
                Ending::Idle,
            ),
            (
                302_304,
                "Teardown TCP state-bypass connection 9 from inside:10.0.0.1/40000 to outside:192.0.2.5/443, duration 25:02:31, bytes 66429, TCP Reset-I",
                Proto::Tcp,
                ("10.0.0.1:40000", "192.0.2.5:443"),
                Ending::ResetByOrig,
            ),
            (
                302_306,
                "Teardown SCTP state-bypass connection 9 from inside:10.0.0.1/4 to outside:192.0.2.5/5 duration 25:02:31 bytes 66429 Idle Timeout",
                Proto::Other(132),
                ("10.0.0.1:4", "192.0.2.5:5"),
                Ending::Idle,
            ),
        ] {
            let conn = closed(id, false, text);
            assert_eq!((conn.proto, conn.first.to_string()), (proto, ends.0.to_owned()), "{text}");
            assert_eq!((conn.second.to_string(), conn.ending), (ends.1.to_owned(), ending), "{text}");
            assert_eq!(conn.duration, (25 * 3600 + 151) * Nanos::SECOND);
            assert_eq!(conn.bytes.map(Bytes::total), Some(66_429));
        }
    }

    #[test]
    fn fwsm_names_first_who_opened_it() {
        for (direction, first, second) in [("inbound", false, true), ("outbound", true, false)] {
            let conn = opened(
                302_013,
                true,
                &format!(
                    "Built {direction} TCP connection 145981111066826388 for lan:192.0.2.8/53577 (198.51.100.2/53577) to web:203.0.113.5/80 (203.0.113.5/80)"
                ),
            );
            assert_eq!(conn.id, RecordId::Device(145_981_111_066_826_388), "beyond 2^53");
            assert_eq!(
                (conn.orig.to_string(), conn.resp.to_string()),
                ("192.0.2.8:53577".into(), "203.0.113.5:80".into())
            );
            assert_eq!(conn.mapped_orig.map(|end| end.to_string()).as_deref(), Some("198.51.100.2:53577"));
            assert_eq!(conn.inside, Inside { orig: Some(first), resp: Some(second) });
        }
        let named =
            "Built outbound UDP connection 7 for outside:192.0.2.8/5 (192.0.2.8/5) to inside:10.0.0.1/53 (10.0.0.1/53)";
        assert_eq!(opened(302_015, true, named).inside, Inside { orig: Some(false), resp: Some(true) });
    }

    #[test]
    fn an_fwsm_teardown_says_a_reset_only_where_the_interfaces_names_do() {
        for (first, second, reason, ending) in [
            ("inside", "outside", "TCP Reset-I", Ending::ResetByOrig),
            ("outside", "inside", "TCP Reset-I", Ending::ResetByResp),
            ("outside", "lan", "TCP Reset-O", Ending::ResetByOrig),
            ("lan", "outside", "TCP Reset-O", Ending::ResetByResp),
            ("lan", "web", "TCP Reset-O", Ending::Reset),
            ("lan", "web", "TCP Reset-O from web", Ending::ResetByResp),
            ("lan", "web", "TCP FINs", Ending::Fins),
        ] {
            let text = format!(
                "Teardown TCP connection 7 for {first}:192.0.2.8/5 to {second}:192.0.2.9/80 duration 0:00:01 bytes 5 {reason}"
            );
            let conn = closed(302_014, true, &text);
            assert_eq!(conn.ending, ending, "{text}");
            let named = |name| match name {
                "inside" => Some(true),
                "outside" => Some(false),
                _ => None,
            };
            assert_eq!(conn.inside, Inside { orig: named(first), resp: named(second) }, "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (id, text, why) in [
            (302_017, "Built GRE connection 1 from a:192.0.2.1 to b:192.0.2.2", "no direction"),
            (302_017, "Built inbound TCP connection 1", "another protocol than its message id's"),
            (302_303, "Built TCP state-bypass connection x", "no connection id"),
            (302_303, "Built TCP state-bypass connection 1 a:192.0.2.1/1", "no first end"),
            (302_303, "Built TCP state-bypass connection 1 from a:192.0.2.1/1 (192.0.2.1/1)", "no second end"),
            (302_303, "Built TCP state-bypass connection 1 from a:192.0.2.1 to b:192.0.2.2/1", "no port"),
        ] {
            let parsed = parse(|event| parse_built(Text::new(text.as_bytes()), Kind::of(id, false), event));
            assert_eq!(parsed, Err(why), "{text}");
        }
    }
}
