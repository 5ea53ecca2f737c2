//! What an access list says of a flow that it logs: 106100, and 106102 and 106103 of a VPN's users.

use super::Why;
use super::denial::parse_proto;
use super::odd::Says;
use super::party::{NAMED, parse_address};
use super::services::parse_service;
use super::text::Text;
use crate::{Denied, Endpoint, Event};

/// `access-list ACL {permitted|denied|est-allowed} PROTO [for user U] IFC/A(p)[(user)] -> IFC/B(p)[(user)] hit-cnt N
/// [(]{first hit|S-second interval}[)]`.
///
/// The first packet of a flow is told of at once, with a count of 1; those that followed it with their number when the
/// interval is over. Of what was permitted nothing is used: its connection has messages of its own.
pub(super) fn parse(mut text: Text<'_>, event: &mut Event) -> Result<Says, Why> {
    text.parse_literal(b"access-list ", "no access list")?;
    let _ = text.word();
    let permitted = text.eat(b" permitted ") || text.eat(b" est-allowed ");
    if !permitted {
        text.parse_literal(b" denied ", "neither permitted nor denied")?;
    }
    let proto = parse_proto(&mut text)?;
    let orig = parse_end(&mut text)?;
    text.decode_groups();
    text.parse_literal(b" -> ", "no destination")?;
    let resp = parse_end(&mut text)?;
    text.decode_groups();
    text.parse_literal(b" hit-cnt ", "no hit count")?;
    let count = text.parse_number().ok_or("a hit count that is no number")?;
    text.skip_spaces();
    if permitted || count == 0 {
        return Ok(Says::Nothing);
    }
    // FWSM and PIX put it in parentheses.
    text.eat(b"(");
    let over = match text.parse_number() {
        Some(seconds) if text.eat(b"-second interval") => {
            u32::try_from(seconds).map_err(|_| "an interval that is no time")?
        }
        _ => 0,
    };
    *event = Event::Denied(Denied { proto, orig, resp, attempt: true, count, over });
    Ok(Says::Event)
}

/// `interface/address(port)`. An interface is called as its owner likes, so its name ends at the slash behind which an
/// address stands; what it may not have is what ends an end.
fn parse_end(text: &mut Text<'_>) -> Result<Endpoint, Why> {
    let rest = text.rest();
    let until = rest.windows(4).position(|next| next == b" -> ").unwrap_or(rest.len());
    let slashes = (0..until).filter(|&at| rest[at] == b'/');
    let found = slashes.map(|at| at + 1).find_map(|from| {
        let (addr, len) = parse_address(&rest[from..])?;
        (rest.get(from + len) == Some(&b'(')).then_some((addr, from + len + 1))
    });
    let (addr, end) = found.ok_or(NAMED)?;
    text.skip(end);
    let port = match text.parse_number() {
        Some(number) => u16::try_from(number).ok(),
        None => parse_service(text.rest()).map(|(port, len)| {
            text.skip(len);
            port
        }),
    };
    let port = port.ok_or("a port that is no number")?;
    text.parse_literal(b")", "a port that is no number")?;
    Ok(Endpoint { addr: addr.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proto;
    use crate::cisco::tests::parse as put;

    fn denied(text: &str) -> Denied {
        match put(|event| parse(Text::new(text.as_bytes()), event).map(|_| ())) {
            Ok(Event::Denied(denied)) => denied,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_hit_count_is_how_many_were_denied_and_the_interval_over_how_long() {
        for (text, proto, orig, resp, count, over) in [
            (
                "access-list out denied tcp outside/192.0.2.42(99) -> DMZ/192.0.2.200(18132) hit-cnt 1 first hit [0xef7602a0, 0x00000000]",
                Proto::Tcp,
                "192.0.2.42:99",
                "192.0.2.200:18132",
                1,
                0,
            ),
            (
                "access-list out denied tcp NP Identity/Ifc/192.0.2.42(www)(EXAMPLE\\j\u{f6}rg (x), 5:a) -> in:1/2001:db8::1(https)(u) hit-cnt 12 300-second interval [0x0, 0x0]",
                Proto::Tcp,
                "192.0.2.42:80",
                "[2001:db8::1]:443",
                12,
                300,
            ),
            (
                "access-list filter denied icmp for user joe inside/192.0.2.3(8) -> outside/192.0.2.9(0) hit-cnt 4294967296 (first hit)",
                Proto::Icmp,
                "192.0.2.3:8",
                "192.0.2.9:0",
                4_294_967_296,
                0,
            ),
            (
                "access-list filter denied 47 for user 'joe doe' in/192.0.2.3(0) -> out/192.0.2.9(0) hit-cnt 2 (300-second interval) [0xb13f8c00, 0x122edd14]",
                Proto::Other(47),
                "192.0.2.3:0",
                "192.0.2.9:0",
                2,
                300,
            ),
        ] {
            let denied = denied(text);
            assert_eq!((denied.proto, denied.count, denied.over), (proto, count, over), "{text}");
            assert_eq!(
                (denied.orig.to_string(), denied.resp.to_string()),
                (orig.to_owned(), resp.to_owned()),
                "{text}"
            );
            assert!(denied.attempt, "{text}");
        }
    }

    #[test]
    fn what_was_permitted_says_nothing() {
        for how in ["permitted", "est-allowed"] {
            let text = format!(
                "access-list in {how} udp a/192.0.2.3(5)(LOCAL\\u) -> b/192.0.2.4(53) hit-cnt 1 first hit [0x0, 0x0]"
            );
            let mut event = crate::cisco::NOTHING;
            assert_eq!(parse(Text::new(text.as_bytes()), &mut event), Ok(Says::Nothing), "{text}");
            assert_eq!(event, crate::cisco::NOTHING);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let ends = "access-list in denied tcp a/192.0.2.3(5) -> b/192.0.2.4(53)";
        for (text, why) in [
            ("access-list in", "neither permitted nor denied"),
            ("access-list in wanted tcp", "neither permitted nor denied"),
            ("access-list in denied tcp a/192.0.2.3 -> b/192.0.2.4(53) hit-cnt 1", NAMED),
            ("access-list in denied tcp a/host.example(5) -> b/192.0.2.4(53) hit-cnt 1", NAMED),
            ("access-list in denied tcp a/192.0.2.3(x) -> b/192.0.2.4(53) hit-cnt 1", "a port that is no number"),
            ("access-list in denied tcp a/192.0.2.3(65536) -> b/192.0.2.4(53) hit-cnt 1", "a port that is no number"),
            ("access-list in denied tcp a/192.0.2.3(5)", "no destination"),
            (ends, "no hit count"),
            (&format!("{ends} hit-cnt x"), "a hit count that is no number"),
        ] {
            let parsed = put(|event| parse(Text::new(text.as_bytes()), event).map(|_| ()));
            assert_eq!(parsed, Err(why), "{text}");
        }
    }
}
