//! Connections of other kinds, and of other devices' order: 302017, 302018, 302035, 302036, 302303 to 302306, and what
//! FWSM writes.

use super::connection::{SECOND, decode_inside, parse_bytes};
use super::ending::{decode_reason, reset_by};
use super::party::Party;
use super::tag::{OF_FTD, OF_FWSM};
use super::text::{Text, parse_duration};
use super::{UNKNOWN, Why};
use crate::end::End;
use crate::{Closed, Event, Inside, Opened, Proto, RecordId};

/// What a message says of a connection beside its numbers.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// How it is called.
    name: &'static [u8],
    proto: Proto,
    /// Whether the end that opened it is named first whatever the direction: by FWSM, and of connections of which the state is not looked
    /// at; else the one of the less trusted interface.
    orig_first: bool,
    /// Whether the order says which end is on the less trusted interface.
    levels: bool,
}

impl Kind {
    const GRE: Proto = Proto::Other(47);
    const SCTP: Proto = Proto::Other(132);

    /// What message `message_id` is of, to which its device's number is added.
    pub(super) fn of(message_id: u32) -> Self {
        let (name, proto, orig_first): (&[u8], _, _) = match message_id % OF_FWSM {
            302_013 | 302_014 => (b"TCP connection ", Proto::Tcp, false),
            302_015 | 302_016 => (b"UDP connection ", Proto::Udp, false),
            302_017 | 302_018 => (b"GRE connection ", Self::GRE, false),
            302_035 | 302_036 => (b"SCTP connection ", Self::SCTP, false),
            302_303 | 302_304 => (b"TCP state-bypass connection ", Proto::Tcp, true),
            _ => (b"SCTP state-bypass connection ", Self::SCTP, true),
        };
        let orig_first = orig_first || (OF_FWSM..OF_FTD).contains(&message_id);
        Self { name, proto, orig_first, levels: !orig_first && message_id < OF_FTD }
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
    if !directed && !kind.orig_first {
        return Err("no direction");
    }
    let id = kind.parse_id(&mut text)?;
    let first = text.parse_party()?;
    let mapped_first = text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let second = text.parse_party()?;
    let mapped_second = text.decode_groups();
    let inside = decode_inside(&first, &second, kind.levels);
    let (first, second) = (kind.end(&first)?.into(), kind.end(&second)?.into());
    let (mapped_first, mapped_second) = (mapped_first.map(Into::into), mapped_second.map(Into::into));
    let (proto, start) = (kind.proto, UNKNOWN);
    *event = Event::Opened(if outbound && !kind.orig_first {
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
    let inside = decode_inside(&first, &second, kind.levels);
    let ending = if inside == SECOND { ending } else { reset_by(ending, text.rest(), inside) };
    let (first, second) = (kind.end(&first)?.into(), kind.end(&second)?.into());
    let proto = kind.proto;
    *event = Event::Closed(Closed { id, proto, first, second, inside, duration, ended: None, bytes, ending });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;
    use crate::{Bytes, Ending, Nanos};

    fn opened(message_id: u32, text: &str) -> Opened {
        match parse(|event| parse_built(Text::new(text.as_bytes()), Kind::of(message_id), event)) {
            Ok(Event::Opened(opened)) => opened,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn closed(message_id: u32, text: &str) -> Closed {
        match parse(|event| parse_teardown(Text::new(text.as_bytes()), Kind::of(message_id), event)) {
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
            let conn = opened(id, text);
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
            let conn = closed(id, text);
            assert_eq!((conn.proto, conn.first.to_string()), (proto, ends.0.to_owned()), "{text}");
            assert_eq!((conn.second.to_string(), conn.ending), (ends.1.to_owned(), ending), "{text}");
            assert_eq!(conn.duration, (25 * 3600 + 151) * Nanos::SECOND);
            assert_eq!(conn.bytes.map(Bytes::total), Some(66_429));
        }
    }

    #[test]
    fn fwsm_names_first_who_opened_it() {
        for direction in ["inbound", "outbound"] {
            let conn = opened(
                OF_FWSM + 302_013,
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
            // The direction says it, but no teardown does, and both records must go to the same hosts.
            let torn_down =
                "Teardown TCP connection 7 for lan:192.0.2.8/53577 to web:203.0.113.5/80 duration 0:00:01 bytes 5";
            assert_eq!(
                (conn.inside, closed(OF_FWSM + 302_014, torn_down).inside),
                (Inside::default(), Inside::default())
            );
        }
        let named =
            "Built outbound UDP connection 7 for outside:192.0.2.8/5 (192.0.2.8/5) to inside:10.0.0.1/53 (10.0.0.1/53)";
        assert_eq!(opened(OF_FWSM + 302_015, named).inside, Inside { orig: Some(false), resp: Some(true) });
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
            let conn = closed(OF_FWSM + 302_014, &text);
            assert_eq!(conn.ending, ending, "{text}");
            let named = |name, other| match (name, other) {
                ("inside", _) | (_, "outside") => Some(true),
                ("outside", _) => Some(false),
                _ => None,
            };
            assert_eq!(conn.inside, Inside { orig: named(first, second), resp: named(second, first) }, "{text}");
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
            let parsed = parse(|event| parse_built(Text::new(text.as_bytes()), Kind::of(id), event));
            assert_eq!(parsed, Err(why), "{text}");
        }
    }
}
