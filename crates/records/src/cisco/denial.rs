//! What was refused: 106001, 106006, 106007, 106010, 106014, 106015, 106021, 106023, and on the device itself 710003 and
//! 710005.

use super::Why;
use super::odd::Says;
use super::party::Party;
use super::text::Text;
use crate::digits::parse_decimal;
use crate::end::End;
use crate::{Denied, Endpoint, Event, Proto};

/// One packet that was refused.
fn denied(proto: Proto, orig: Endpoint, resp: Endpoint, attempt: bool) -> Event {
    Event::Denied(Denied { proto, orig, resp, attempt, count: 1, over: 0 })
}

/// 106001: `Inbound TCP connection denied from A/p to B/p flags SYN  on interface IFC`.
#[inline]
pub(super) fn parse_inbound_denied(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Inbound TCP connection denied from ", "not a denied connection")?;
    parse_tcp_ends(text, event)
}

/// 106015: `Deny TCP (no connection) from A/p to B/p flags RST ACK  on interface IFC`.
#[inline]
pub(super) fn parse_no_connection(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny TCP (no connection) from ", "not a denial")?;
    parse_tcp_ends(text, event)
}

fn parse_tcp_ends(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    let orig = text.parse_bare_party()?.end()?.into();
    text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let resp = text.parse_bare_party()?.end()?.into();
    text.decode_groups();
    text.parse_literal(b" flags ", "no flags")?;
    // Nothing but a SYN asks for a connection; the flags end at two spaces in some versions and at one in others.
    text.skip_spaces();
    let attempt = text.word() == b"SYN" && {
        text.skip_spaces();
        matches!(text.word(), b"" | b"on")
    };
    *event = denied(Proto::Tcp, orig, resp, attempt);
    Ok(())
}

/// 106023: `Deny tcp src IFC:A/p dst IFC:B/p by access-group "acl"`, `Deny icmp src IFC:A dst IFC:B (type 8, code 0)`,
/// `Deny protocol 47 src IFC:A dst IFC:B`.
///
/// Packets of a connection that is known do not come before an access list, so what is denied here is an attempt.
#[inline]
pub(super) fn parse_access_group(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny ", "not a denial")?;
    parse_src_and_dst(text, event)
}

/// 106010: `Deny inbound tcp src IFC:A/p dst IFC:B/p`; 106014 the same of ICMP.
pub(super) fn parse_inbound(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny inbound ", "not a denial")?;
    parse_src_and_dst(text, event)
}

fn parse_src_and_dst(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    let proto = parse_proto(&mut text)?;
    text.parse_literal(b" src ", "no source")?;
    let orig = text.parse_party()?;
    text.decode_groups();
    text.parse_literal(b" dst ", "no destination")?;
    let resp = text.parse_party()?;
    // A fragment that is not the first has no ports, and asks for nothing; but a line that ends here was cut.
    let lacks_ports = matches!(proto, Proto::Tcp | Proto::Udp) && (orig.end().is_err() || resp.end().is_err());
    if lacks_ports && text.rest().is_empty() {
        return Err("no port");
    }
    let (mut orig, mut resp) = (Endpoint::from(orig.end_or_zero()), Endpoint::from(resp.end_or_zero()));
    if proto == Proto::Icmp {
        text.decode_users();
        if let Some((kind, code)) = parse_type_and_code(text) {
            (orig.port, resp.port) = (kind, code);
        }
    }
    *event = denied(proto, orig, resp, !lacks_ports);
    Ok(())
}

/// TCP and UDP have ports, others may have what stands in their place.
fn ends_of(proto: Proto, orig: &Party<'_>, resp: &Party<'_>) -> Result<(End, End), Why> {
    Ok(match proto {
        Proto::Tcp | Proto::Udp => (orig.end()?, resp.end()?),
        Proto::Icmp | Proto::Other(_) => (orig.end_or_zero(), resp.end_or_zero()),
    })
}

/// 106006: `Deny inbound UDP from A/p to B/p on interface IFC`; 106007: the same `due to DNS {Response|Query}`.
pub(super) fn parse_inbound_udp(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny inbound UDP from ", "not a denial")?;
    let orig = text.parse_bare_party()?.end()?.into();
    text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let resp = text.parse_bare_party()?.end()?.into();
    *event = denied(Proto::Udp, orig, resp, true);
    Ok(())
}

/// 106021: `Deny TCP reverse path check from A to B on interface IFC`. It has no ports, nor does it say what was asked.
pub(super) fn parse_reverse_path(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny ", "not a denial")?;
    let proto = parse_proto(&mut text)?;
    text.parse_literal(b" reverse path check from ", "no source")?;
    let orig = text.parse_bare_party()?.end_or_zero().into();
    text.parse_literal(b" to ", "no second end")?;
    let resp = text.parse_bare_party()?.end_or_zero().into();
    *event = denied(proto, orig, resp, false);
    Ok(())
}

/// 710002: `TCP access permitted from A/p to IFC:B/service`, of which nothing is used; 710003: the same `denied by ACL`;
/// 710005: `UDP request discarded from A/p to IFC:B/service`, which may be a stray packet of an old connection, so that it
/// is no attempt of itself.
pub(super) fn parse_to_the_device(mut text: Text<'_>, event: &mut Event) -> Result<Says, Why> {
    let proto = parse_proto(&mut text)?;
    let permitted = text.eat(b" access permitted");
    let discarded = !permitted && text.eat(b" request discarded");
    if !permitted && !discarded {
        text.parse_literal(b" access denied", "neither permitted nor denied")?;
        text.eat(b" by ACL");
    }
    text.parse_literal(b" from ", "no source")?;
    text.skip_spaces();
    let orig = text.parse_bare_party()?;
    text.decode_groups();
    text.parse_literal(b" to ", "no second end")?;
    let resp = text.parse_party()?;
    let (orig, resp) = ends_of(proto, &orig, &resp)?;
    if permitted {
        return Ok(Says::Nothing);
    }
    *event = denied(proto, orig.into(), resp.into(), !discarded);
    Ok(Says::Event)
}

pub(super) fn parse_proto(text: &mut Text<'_>) -> Result<Proto, Why> {
    if text.eat(b"protocol ") {
        let number = text.parse_number().and_then(|number| u8::try_from(number).ok());
        return number.map(proto_of).ok_or("a protocol that is no number");
    }
    Ok(match text.word() {
        b"tcp" | b"TCP" => Proto::Tcp,
        b"udp" | b"UDP" => Proto::Udp,
        b"icmp" | b"ICMP" | b"icmp6" | b"ipv6-icmp" | b"IPv6-ICMP" => Proto::Icmp,
        b"igmp" => Proto::Other(2),
        b"ipinip" => Proto::Other(4),
        b"gre" => Proto::Other(47),
        b"esp" => Proto::Other(50),
        b"ah" => Proto::Other(51),
        b"eigrp" => Proto::Other(88),
        b"ospf" => Proto::Other(89),
        b"pim" => Proto::Other(103),
        b"sctp" => Proto::Other(132),
        b"" => return Err("no protocol"),
        word => named_proto(word),
    })
}

/// Also in capitals, as some messages have it, or as a number.
#[cold]
fn named_proto(word: &[u8]) -> Proto {
    if let Some((number, len)) = parse_decimal(word)
        && len == word.len()
    {
        return u8::try_from(number).map_or(Proto::Other(0), proto_of);
    }
    match word.to_ascii_lowercase().as_slice() {
        lower if lower == word => Proto::Other(0),
        lower => parse_proto(&mut Text::new(lower)).unwrap_or(Proto::Other(0)),
    }
}

fn proto_of(number: u8) -> Proto {
    match number {
        1 | 58 => Proto::Icmp,
        6 => Proto::Tcp,
        17 => Proto::Udp,
        other => Proto::Other(other),
    }
}

/// `(type 8, code 0)`, with or without parentheses.
fn parse_type_and_code(mut text: Text<'_>) -> Option<(u16, u16)> {
    text.skip_spaces();
    text.eat(b"(");
    let mut part = |name: &[u8]| {
        text.eat(name).then(|| text.parse_number()).flatten().and_then(|number| u16::try_from(number).ok())
    };
    Some((part(b"type ")?, part(b", code ")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;

    fn denied(event: Result<Event, Why>) -> (Proto, String, String, bool) {
        match event {
            Ok(Event::Denied(denied)) => {
                (denied.proto, denied.orig.to_string(), denied.resp.to_string(), denied.attempt)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_syn_is_an_attempt() {
        for (flags, attempt) in [
            ("SYN  on interface outside", true),
            ("SYN on interface outside", true),
            ("SYN", true),
            ("SYN ACK  on interface outside", false),
            ("FIN PSH ACK  on interface outside", false),
            ("RST  on interface outside", false),
            (" on interface outside", false),
        ] {
            let no_connection = format!("Deny TCP (no connection) from 192.0.2.1/80 to 192.0.2.9/4501 flags {flags}");
            let expected = (Proto::Tcp, "192.0.2.1:80".to_owned(), "192.0.2.9:4501".to_owned(), attempt);
            assert_eq!(
                denied(parse(|event| parse_no_connection(Text::new(no_connection.as_bytes()), event))),
                expected,
                "{flags}"
            );
            let inbound = format!("Inbound TCP connection denied from 192.0.2.1/80 to 192.0.2.9/4501 flags {flags}");
            assert_eq!(
                denied(parse(|event| parse_inbound_denied(Text::new(inbound.as_bytes()), event))),
                expected,
                "{flags}"
            );
        }
    }

    #[test]
    fn an_access_list_denies_every_protocol() {
        for (text, proto, orig, resp) in [
            (
                "tcp src outside:192.0.2.1/80 dst inside:192.0.2.9/445 by access-group \"acl_out\"",
                Proto::Tcp,
                "192.0.2.1:80",
                "192.0.2.9:445",
            ),
            (
                "udp src In:192.0.2.1/53(LOCAL\\jane) dst Out:192.0.2.9/53 by access-group \"a\" [0x0, 0x0]",
                Proto::Udp,
                "192.0.2.1:53",
                "192.0.2.9:53",
            ),
            (
                "icmp src In:192.0.2.1 dst Out:192.0.2.9 (type 11, code 3) by access-group \"a\"",
                Proto::Icmp,
                "192.0.2.1:11",
                "192.0.2.9:3",
            ),
            (
                "tcp src dmz:192.0.2.1/6316 dst outside:192.0.2.9/53 type 3, code 0, by access-group \"a\"",
                Proto::Tcp,
                "192.0.2.1:6316",
                "192.0.2.9:53",
            ),
            (
                "protocol 47 src outside:192.0.2.1 dst inside :192.0.2.9 by access-group \"a\"",
                Proto::Other(47),
                "192.0.2.1:0",
                "192.0.2.9:0",
            ),
            (
                "esp src outside:192.0.2.1 dst inside:192.0.2.9 by access-group \"a\"",
                Proto::Other(50),
                "192.0.2.1:0",
                "192.0.2.9:0",
            ),
            (
                "quux src outside:192.0.2.1 dst inside:192.0.2.9 by access-group \"a\"",
                Proto::Other(0),
                "192.0.2.1:0",
                "192.0.2.9:0",
            ),
            (
                "tcp src o:2001:db8::1/80 dst i:2001:db8::2/81 by access-group \"a\"",
                Proto::Tcp,
                "[2001:db8::1]:80",
                "[2001:db8::2]:81",
            ),
        ] {
            let body = format!("Deny {text}");
            let expected = (proto, orig.to_owned(), resp.to_owned(), true);
            assert_eq!(
                denied(parse(|event| parse_access_group(Text::new(body.as_bytes()), event))),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_fragment_has_no_ports_and_asks_for_nothing() {
        for (ends, orig, resp) in [
            ("src outside:192.0.2.1 dst inside:192.0.2.9", "192.0.2.1:0", "192.0.2.9:0"),
            ("src outside:192.0.2.1/5 dst inside:192.0.2.9", "192.0.2.1:5", "192.0.2.9:0"),
        ] {
            let body = format!("Deny udp {ends} by access-group \"a\" [0x0, 0x0]");
            let event = parse(|event| parse_access_group(Text::new(body.as_bytes()), event));
            assert_eq!(denied(event), (Proto::Udp, orig.to_owned(), resp.to_owned(), false), "{ends}");
        }
    }

    #[test]
    fn inbound_denials_of_every_protocol() {
        for (text, proto, orig, resp) in [
            ("tcp src outside:192.0.2.1/80 dst inside:192.0.2.9/445", Proto::Tcp, "192.0.2.1:80", "192.0.2.9:445"),
            ("protocol 47 src Outside:192.0.2.1 dst Outside:192.0.2.9", Proto::Other(47), "192.0.2.1:0", "192.0.2.9:0"),
            ("IP src a:192.0.2.1 dst b:192.0.2.9", Proto::Other(0), "192.0.2.1:0", "192.0.2.9:0"),
            ("UDP src a:192.0.2.1/1 dst b:192.0.2.9/domain", Proto::Udp, "192.0.2.1:1", "192.0.2.9:53"),
            ("icmp src a:192.0.2.1 dst b:192.0.2.9 (type 8, code 0)", Proto::Icmp, "192.0.2.1:8", "192.0.2.9:0"),
            ("icmp src a:192.0.2.1(u) dst b:192.0.2.9(v)(type 11, code 3)", Proto::Icmp, "192.0.2.1:11", "192.0.2.9:3"),
        ] {
            let body = format!("Deny inbound {text}");
            let expected = (proto, orig.to_owned(), resp.to_owned(), true);
            assert_eq!(denied(parse(|event| parse_inbound(Text::new(body.as_bytes()), event))), expected, "{text}");
        }
    }

    #[test]
    fn udp_and_spoofs_are_denied_by_messages_of_their_own() {
        for rest in ["on interface outside", "due to DNS Response", "due to DNS Query"] {
            let body = format!("Deny inbound UDP from 192.0.2.1/53 to 192.0.2.9/64967 {rest}");
            let expected = (Proto::Udp, "192.0.2.1:53".to_owned(), "192.0.2.9:64967".to_owned(), true);
            assert_eq!(denied(parse(|event| parse_inbound_udp(Text::new(body.as_bytes()), event))), expected, "{rest}");
        }
        for (name, proto) in
            [("TCP", Proto::Tcp), ("icmp", Proto::Icmp), ("50", Proto::Other(50)), ("protocol 6", Proto::Tcp)]
        {
            let body = format!("Deny {name} reverse path check from 192.0.2.1 to 2001:db8::9 on interface outside");
            let expected = (proto, "192.0.2.1:0".to_owned(), "[2001:db8::9]:0".to_owned(), false);
            assert_eq!(
                denied(parse(|event| parse_reverse_path(Text::new(body.as_bytes()), event))),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_device_refuses_for_itself_is_no_attempt_where_it_may_be_a_stray() {
        for (text, proto, resp, attempt) in [
            (
                "TCP access denied by ACL from 192.0.2.1/54065 to outside:192.0.2.9/ssh",
                Proto::Tcp,
                "192.0.2.9:22",
                true,
            ),
            (
                "UDP access denied by ACL from 192.0.2.1/54065 to outside:192.0.2.9/161",
                Proto::Udp,
                "192.0.2.9:161",
                true,
            ),
            (
                "TCP request discarded from 192.0.2.1/54065 to outside:192.0.2.9/1182",
                Proto::Tcp,
                "192.0.2.9:1182",
                false,
            ),
            (
                "SCTP request discarded from 192.0.2.1/54065 to NP Identity Ifc:192.0.2.9/5",
                Proto::Other(132),
                "192.0.2.9:5",
                false,
            ),
        ] {
            let event = parse(|event| parse_to_the_device(Text::new(text.as_bytes()), event).map(|_| ()));
            assert_eq!(denied(event), (proto, "192.0.2.1:54065".to_owned(), resp.to_owned(), attempt), "{text}");
        }
        let permitted = b"TCP access permitted from 192.0.2.1/54065 to outside:192.0.2.9/ssh";
        let mut event = crate::cisco::NOTHING;
        assert_eq!(parse_to_the_device(Text::new(permitted), &mut event), Ok(Says::Nothing));
        let other = b"TCP access wanted from 192.0.2.1/54065 to outside:192.0.2.9/ssh";
        assert_eq!(parse_to_the_device(Text::new(other), &mut event), Err("neither permitted nor denied"));
    }

    #[test]
    fn a_damaged_denial_says_why() {
        for (text, why) in [
            ("Deny", "not a denial"),
            ("Deny tcp", "no source"),
            ("Deny tcp src outside:192.0.2.1/80", "no destination"),
            ("Deny tcp src outside:192.0.2.1/1 dst inside:192.0.2.9", "no port"),
            ("Deny protocol x src", "a protocol that is no number"),
        ] {
            assert_eq!(parse(|event| parse_access_group(Text::new(text.as_bytes()), event)), Err(why), "{text}");
        }
    }
}
