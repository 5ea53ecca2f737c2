//! What was refused: 106001, 106015 and 106023.

use super::Why;
use super::text::Text;
use crate::{Denied, Endpoint, Event, Proto};

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
    *event = Event::Denied(Denied { proto: Proto::Tcp, orig, resp, attempt });
    Ok(())
}

/// 106023: `Deny tcp src IFC:A/p dst IFC:B/p by access-group "acl"`, `Deny icmp src IFC:A dst IFC:B (type 8, code 0)`,
/// `Deny protocol 47 src IFC:A dst IFC:B`.
///
/// Packets of a connection that is known do not come before an access list, so what is denied here is an attempt.
#[inline]
pub(super) fn parse_access_group(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Deny ", "not a denial")?;
    let proto = parse_proto(&mut text)?;
    text.parse_literal(b" src ", "no source")?;
    let orig = text.parse_party()?;
    text.decode_groups();
    text.parse_literal(b" dst ", "no destination")?;
    let resp = text.parse_party()?;
    let (orig, resp) = match proto {
        Proto::Tcp | Proto::Udp => (orig.end()?, resp.end()?),
        Proto::Icmp | Proto::Other(_) => (orig.end_or_zero(), resp.end_or_zero()),
    };
    let (mut orig, mut resp) = (Endpoint::from(orig), Endpoint::from(resp));
    if proto == Proto::Icmp
        && let Some((kind, code)) = parse_type_and_code(text)
    {
        (orig.port, resp.port) = (kind, code);
    }
    *event = Event::Denied(Denied { proto, orig, resp, attempt: true });
    Ok(())
}

fn parse_proto(text: &mut Text<'_>) -> Result<Proto, Why> {
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
        _ => Proto::Other(0),
    })
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
    fn a_damaged_denial_says_why() {
        for (text, why) in [
            ("Deny", "not a denial"),
            ("Deny tcp", "no source"),
            ("Deny tcp src outside:192.0.2.1/80", "no destination"),
            ("Deny tcp src outside:192.0.2.1 dst inside:192.0.2.9/1", "no port"),
            ("Deny protocol x src", "a protocol that is no number"),
        ] {
            assert_eq!(parse(|event| parse_access_group(Text::new(text.as_bytes()), event)), Err(why), "{text}");
        }
    }
}
