//! Connections built and torn down: 302013 to 302016.

use std::net::IpAddr;

use super::ending::{decode_reason, reset_by};
use super::party::Party;
use super::text::{Text, parse_duration};
use super::{UNKNOWN, Why};
use crate::{ByteCount, ByteKind, Bytes, Closed, Event, Inside, Opened, Proto, RecordId, is_private};

/// `Built {inbound|outbound} TCP connection ID for IFC:A/p (mapped) to IFC:B/p (mapped)`.
///
/// The first end is that of the less trusted interface, and the direction says which of them opened it. Where both interfaces are of
/// one level, the first opened it, and the direction is `inbound`. `levels`: whether there may be two. Its start is the header's to say.
#[inline(always)]
pub(super) fn parse_built(mut text: Text<'_>, proto: Proto, levels: bool, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Built ", "not a built connection")?;
    let inbound = if text.eat(b"outbound ") {
        false
    } else {
        text.parse_literal(b"inbound ", "no direction")?;
        true
    };
    let id = parse_connection_id(&mut text, proto)?;
    let first = text.parse_party()?;
    let mapped_first = text.decode_mapped(&first);
    text.parse_literal(b" to ", "no second end")?;
    let second = text.parse_party()?;
    let mapped_second = text.decode_mapped(&second);
    let (mapped_first, mapped_second) = (mapped_first.map(Into::into), mapped_second.map(Into::into));
    let inside = decode_inside(&first, &second, levels);
    let (first, second) = (first.end()?.into(), second.end()?.into());
    let start = UNKNOWN;
    *event = Event::Opened(if inbound {
        let (mapped_orig, mapped_resp) = (mapped_first, mapped_second);
        Opened { id, proto, start, orig: first, resp: second, mapped_orig, mapped_resp, inside }
    } else {
        let (mapped_orig, mapped_resp) = (mapped_second, mapped_first);
        let inside = Inside { orig: inside.resp, resp: inside.orig };
        Opened { id, proto, start, orig: second, resp: first, mapped_orig, mapped_resp, inside }
    });
    Ok(())
}

/// `Teardown TCP connection ID for IFC:A/p to IFC:B/p duration h:mm:ss [bytes N] [reason [from IFC]] [(user)]`.
#[inline(always)]
pub(super) fn parse_teardown(mut text: Text<'_>, proto: Proto, levels: bool, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Teardown ", "not a teardown")?;
    let id = parse_connection_id(&mut text, proto)?;
    let first = text.parse_party()?;
    text.decode_groups();
    text.parse_behind_user(b" to ", "no second end")?;
    let second = text.parse_party()?;
    text.decode_groups();
    text.parse_behind_user(b" duration ", "no duration")?;
    let duration = parse_duration(&mut text).ok_or("a duration that is no time")?;
    let bytes = parse_bytes(&mut text)?;
    text.skip_spaces();
    let inside = decode_inside(&first, &second, levels);
    let ending = decode_reason(text.rest(), first.interface, second.interface);
    let ending = if inside == SECOND { ending } else { reset_by(ending, text.rest(), inside) };
    let (first, second) = (first.end()?.into(), second.end()?.into());
    *event = Event::Closed(Closed { id, proto, first, second, inside, duration, ended: None, bytes, ending });
    Ok(())
}

/// `TCP connection ID for `. Later ASAs mark connections that they open themselves to look whether a server lives.
#[inline(always)]
fn parse_connection_id(text: &mut Text<'_>, proto: Proto) -> Result<RecordId, Why> {
    text.eat(b"Probe ");
    let known = match proto {
        Proto::Tcp => text.eat(b"TCP connection "),
        _ => text.eat(b"UDP connection "),
    };
    if !known {
        return Err("another protocol than its message id's");
    }
    let id = text.parse_number().ok_or("no connection id")?;
    text.parse_literal(b" for ", "no first end")?;
    Ok(RecordId::Device(id))
}

/// ` bytes N`, which some records lack. A number that does not fit is an error, not a lack.
pub(super) fn parse_bytes(text: &mut Text<'_>) -> Result<Option<Bytes>, Why> {
    if !text.eat(b" bytes ") {
        return Ok(None);
    }
    let total = text.parse_number().ok_or("a byte count that is no number")?;
    Ok(Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(total) }))
}

/// The second alone is ours.
pub(super) const SECOND: Inside = Inside { orig: Some(false), resp: Some(true) };

/// Which ends are ours: as the interfaces' names say (both ends of a hairpin are on one), else the second, as far as the order tells.
/// Of an opening and of its end it is the same, or the two would not meet: the direction, which an end does not say, is not asked.
#[inline(always)]
pub(super) fn decode_inside(first: &Party<'_>, second: &Party<'_>, levels: bool) -> Inside {
    match (first.named_inside(), second.named_inside()) {
        (orig @ Some(_), resp @ Some(_)) => Inside { orig, resp },
        (orig, resp) => decode_unnamed(orig, resp, levels && !are_of_one_level(first.addr(), second.addr())),
    }
}

#[inline(never)]
fn decode_unnamed(orig: Option<bool>, resp: Option<bool>, levels: bool) -> Inside {
    // What is not outside, where the other end is: no interface is less trusted.
    let other = |end: Option<bool>| (end == Some(false)).then_some(true);
    let by_order = if levels { SECOND } else { Inside::default() };
    Inside { orig: orig.or(other(resp)).or(by_order.orig), resp: resp.or(other(orig)).or(by_order.resp) }
}

/// Nobody with a private address comes from outside to a public one: there who opened it stands first.
#[inline(never)]
pub(super) fn are_of_one_level(first: IpAddr, second: IpAddr) -> bool {
    is_private(first) && !is_private(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;
    use crate::{Ending, Nanos};

    fn opened(text: &str, proto: Proto) -> Opened {
        match parse(|event| parse_built(Text::new(text.as_bytes()), proto, true, event)) {
            Ok(Event::Opened(opened)) => opened,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn closed(text: &str, proto: Proto) -> Closed {
        match parse(|event| parse_teardown(Text::new(text.as_bytes()), proto, true, event)) {
            Ok(Event::Closed(closed)) => closed,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_outbound_connection_was_opened_by_its_second_end() {
        let conn = opened(
            "Built outbound TCP connection 135480316 for outside:198.51.100.7/25 (198.51.100.7/25) to inside:10.0.0.5/2007 (192.0.2.31/2007)",
            Proto::Tcp,
        );
        assert_eq!((conn.id, conn.proto), (RecordId::Device(135_480_316), Proto::Tcp));
        assert_eq!((conn.orig.to_string(), conn.resp.to_string()), ("10.0.0.5:2007".into(), "198.51.100.7:25".into()));
        assert_eq!(conn.mapped_orig.map(|end| end.to_string()).as_deref(), Some("192.0.2.31:2007"));
        assert_eq!(conn.mapped_resp.map(|end| end.to_string()).as_deref(), Some("198.51.100.7:25"));
        assert_eq!(conn.inside, Inside { orig: Some(true), resp: Some(false) });
    }

    #[test]
    fn of_interfaces_of_one_level_the_order_says_who_opened_it_and_not_who_is_inside() {
        let (private, public, other) = ("10.1.1.2/28075", "198.51.100.1/23", "203.0.113.9/4711");
        let sides = |orig, resp| Inside { orig, resp };
        let (foreign, ours) = (Some(false), Some(true));
        for (from, to, levels, built, torn_down) in [
            (("lan", private), ("wan", public), true, sides(None, None), Ending::Reset),
            (("wan", public), ("lan", private), true, sides(foreign, ours), Ending::ResetByOrig),
            (("a", public), ("b", other), true, sides(foreign, ours), Ending::ResetByOrig),
            (("inside", private), ("outside", public), true, sides(ours, foreign), Ending::ResetByResp),
            (("lan", private), ("outside", public), true, sides(ours, foreign), Ending::ResetByResp),
            (("identity", public), ("outside", other), true, sides(ours, foreign), Ending::ResetByResp),
            (("outside", public), ("dmz", other), false, sides(foreign, ours), Ending::ResetByOrig),
            (("inside1", private), ("inside2", public), true, sides(ours, ours), Ending::Reset),
            (("outside1", public), ("outside2", other), true, sides(foreign, foreign), Ending::Reset),
            // An FTD's have none, and there the names alone tell.
            (("lan", private), ("wan", public), false, sides(None, None), Ending::Reset),
            (("a", public), ("b", other), false, sides(None, None), Ending::Reset),
            (("INSIDE_LAN", public), ("Outside2", other), false, sides(ours, foreign), Ending::ResetByResp),
        ] {
            let ends = |way: &str| format!("{way}TCP connection 7 for {}:{} to {}:{}", from.0, from.1, to.0, to.1);
            let text = ends("Built inbound ").replace(" to ", " (192.0.2.7/1) to ") + " (192.0.2.8/2)";
            let opened =
                |text: &str| match parse(|event| parse_built(Text::new(text.as_bytes()), Proto::Tcp, levels, event)) {
                    Ok(Event::Opened(opened)) => opened,
                    other => panic!("{text}: {other:?}"),
                };
            let (inbound, first) = (opened(&text), from.1.replace('/', ":"));
            assert_eq!((inbound.orig.to_string(), inbound.inside), (first.clone(), built), "{text}");
            // Whatever the direction, the ends are whose they are when it is torn down.
            let outbound = opened(&text.replace("inbound", "outbound"));
            assert_eq!((outbound.resp.to_string(), outbound.inside), (first, sides(built.resp, built.orig)), "{text}");
            let text = ends("Teardown ") + " duration 0:00:01 bytes 5 TCP Reset-O";
            let event = parse(|event| parse_teardown(Text::new(text.as_bytes()), Proto::Tcp, levels, event));
            let Ok(Event::Closed(closed)) = event else { panic!("{text}: {event:?}") };
            assert_eq!((closed.inside, closed.ending), (built, torn_down), "{text}");
        }
    }

    #[test]
    fn an_inbound_connection_was_opened_by_its_first_end() {
        let conn = opened(
            "Built inbound UDP connection 7 for outside:2001:db8::1/5353 (2001:db8::1/5353)(LOCAL\\jane) to inside:2001:db8::2/53 (192.0.2.2/53) (jane)",
            Proto::Udp,
        );
        assert_eq!(
            (conn.orig.to_string(), conn.resp.to_string()),
            ("[2001:db8::1]:5353".into(), "[2001:db8::2]:53".into())
        );
        assert_eq!(conn.mapped_resp.map(|end| end.to_string()).as_deref(), Some("192.0.2.2:53"));
        assert_eq!(conn.inside, Inside { orig: Some(false), resp: Some(true) });
    }

    #[test]
    fn the_interfaces_names_count_before_the_order() {
        for (ends, orig, resp) in [
            ("inside:10.0.0.1/1 (10.0.0.1/1) to outside:192.0.2.1/2 (192.0.2.1/2)", true, false),
            ("Inside:10.0.0.1/1 (10.0.0.1/1) to Inside:10.0.0.2/2 (10.0.0.2/2)", true, true),
            ("inside:10.0.0.1/1(10.0.0.1/1) to NP Identity Ifc:10.0.0.2/2 (10.0.0.2/2)", true, true),
            ("dmz:192.0.2.1/1 (192.0.2.1/1) to lan:10.0.0.2/2 (10.0.0.2/2)", false, true),
        ] {
            let conn = opened(&format!("Built inbound TCP connection 7 for {ends}"), Proto::Tcp);
            assert_eq!(conn.inside, Inside { orig: Some(orig), resp: Some(resp) }, "{ends}");
        }
    }

    #[test]
    fn a_teardown_says_how_it_ended() {
        let conn = closed(
            "Teardown TCP connection 612 for outside:192.0.2.230/57422(LOCAL\\JDoe) to inside:10.0.0.5/445 duration 67:30:25 bytes 7141 TCP Reset-O from outside (JDoe)",
            Proto::Tcp,
        );
        assert_eq!(
            (conn.first.to_string(), conn.second.to_string()),
            ("192.0.2.230:57422".into(), "10.0.0.5:445".into())
        );
        assert_eq!(conn.duration, (67 * 3600 + 30 * 60 + 25) * Nanos::SECOND);
        assert_eq!(conn.bytes.map(Bytes::total), Some(7141));
        assert_eq!(conn.ending, Ending::ResetByOrig);
        assert_eq!(conn.inside, Inside { orig: Some(false), resp: Some(true) });
    }

    #[test]
    fn bytes_and_reason_may_be_missing() {
        let bare = "Teardown TCP connection 1 for outside:192.0.2.1/1 to inside:10.0.0.1/2 duration 0:00:10";
        assert_eq!((closed(bare, Proto::Tcp).bytes, closed(bare, Proto::Tcp).ending), (None, Ending::Unknown));
        let no_bytes = format!("{bare} SYN Timeout");
        assert_eq!(closed(&no_bytes, Proto::Tcp).ending, Ending::NoAnswer);
        let udp =
            "Teardown UDP connection 1 for foo:192.0.2.1/137 to bar:10.0.0.1/137 duration 0:02:01 bytes 390 (jane)";
        assert_eq!(closed(udp, Proto::Udp).bytes.map(Bytes::total), Some(390));
        assert_eq!(closed(udp, Proto::Udp).ending, Ending::Unknown);
    }

    #[test]
    fn users_may_stand_without_parentheses() {
        let users = "Teardown UDP connection 1 for outside:192.0.2.1/53 jane to inside:10.0.0.1/2 LOCAL\\joe duration 10:00:00 bytes 9";
        let without = users.replace(" jane", "").replace(" LOCAL\\joe", "");
        assert_eq!(closed(users, Proto::Udp), closed(&without, Proto::Udp));
        for text in
            [users.replace("jane to", "jane"), users.replace("jane", "jane doe"), users.replace(" duration", "")]
        {
            assert!(
                parse(|event| parse_teardown(Text::new(text.as_bytes()), Proto::Udp, true, event)).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_damaged_record_says_which_field_is_missing() {
        for (text, why) in [
            ("Built TCP connection 1 for", "no direction"),
            ("Built inbound UDP connection 1 for", "another protocol than its message id's"),
            ("Built inbound TCP connection x for", "no connection id"),
            ("Built inbound TCP connection 99999999999999999999 for", "no connection id"),
            (
                "Built inbound TCP connection 1 for outside:host.example/1 (192.0.2.1/1) to",
                "no address (a name? --names FILE says whose)",
            ),
            ("Built inbound TCP connection 1 for outside:192.0.2.1/1 (192.0.2.1/1)", "no second end"),
            ("Built inbound TCP connection 1 for outside:192.0.2.1 (192.0.2.1) to inside:10.0.0.1/2", "no port"),
            ("Built inbound TCP connection 1 for outside:192.0.2.1/x", "a port that is no number"),
        ] {
            let parsed = parse(|event| parse_built(Text::new(text.as_bytes()), Proto::Tcp, true, event));
            assert_eq!(parsed, Err(why), "{text}");
        }
        let ends = "Teardown TCP connection 1 for outside:192.0.2.1/1 to inside:10.0.0.1/2";
        for (tail, why) in [
            ("", "no duration"),
            (" duration x", "a duration that is no time"),
            (" duration 0:00:01 bytes 99999999999999999999 TCP FINs", "a byte count that is no number"),
        ] {
            let text = format!("{ends}{tail}");
            let parsed = parse(|event| parse_teardown(Text::new(text.as_bytes()), Proto::Tcp, true, event));
            assert_eq!(parsed, Err(why), "{text}");
        }
    }
}
