//! Connections as PIX wrote them up to version 6.2, by foreign, global and local address: 302001 and 302002. Those of UDP (302005,
//! 302006) have no number by which an opening and its end would be known to be one, and are not used.

use super::connection::parse_bytes;
use super::ending::decode_reason;
use super::text::{Text, parse_duration};
use super::{UNKNOWN, Why};
use crate::end::End;
use crate::{Closed, Endpoint, Event, Inside, Opened, Proto, RecordId};

/// The ends of a connection: outside, and inside as the outside and as the inside sees it.
struct Ends {
    foreign: Endpoint,
    global: Endpoint,
    local: Endpoint,
}

/// `Built {inbound|outbound} TCP connection ID for faddr A/p gaddr B/p laddr C/p [(user)]`.
pub(super) fn parse_built(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Built ", "not a built connection")?;
    let outbound = text.eat(b"outbound ");
    if !outbound {
        text.parse_literal(b"inbound ", "no direction")?;
    }
    let id = parse_id(&mut text)?;
    text.eat(b" for");
    let Ends { foreign, global, local } = parse_ends(&mut text)?;
    let (proto, start) = (Proto::Tcp, UNKNOWN);
    let (foreign, local) = ((foreign, Some(foreign), Some(false)), (local, Some(global), Some(true)));
    let (orig, resp) = if outbound { (local, foreign) } else { (foreign, local) };
    let inside = Inside { orig: orig.2, resp: resp.2 };
    let (mapped_orig, mapped_resp) = (orig.1, resp.1);
    *event = Event::Opened(Opened { id, proto, start, orig: orig.0, resp: resp.0, mapped_orig, mapped_resp, inside });
    Ok(())
}

/// `Teardown TCP connection ID faddr A/p gaddr B/p laddr C/p [(user)] duration h:mm:ss bytes N [(reason)]`.
pub(super) fn parse_teardown(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Teardown ", "not a teardown")?;
    let id = parse_id(&mut text)?;
    text.eat(b" for");
    let Ends { foreign, local, .. } = parse_ends(&mut text)?;
    text.decode_users();
    text.parse_literal(b" duration ", "no duration")?;
    let duration = parse_duration(&mut text).ok_or("a duration that is no time")?;
    let bytes = parse_bytes(&mut text)?;
    text.skip_spaces();
    let reason = text.rest().trim_ascii_end();
    let reason = reason.strip_prefix(b"(").and_then(|reason| reason.strip_suffix(b")")).unwrap_or(reason);
    let (proto, inside) = (Proto::Tcp, Inside { orig: Some(false), resp: Some(true) });
    let ending = decode_reason(reason, b"", b"");
    let (first, second) = (foreign, local);
    *event = Event::Closed(Closed { id, proto, first, second, inside, duration, ended: None, bytes, ending });
    Ok(())
}

/// `TCP connection ID`.
fn parse_id(text: &mut Text<'_>) -> Result<RecordId, Why> {
    text.parse_literal(b"TCP connection ", "another protocol than its message id's")?;
    text.parse_number().map(RecordId::Device).ok_or("no connection id")
}

/// ` faddr A/p gaddr B/p laddr C/p`.
fn parse_ends(text: &mut Text<'_>) -> Result<Ends, Why> {
    let mut end = |name: &[u8]| -> Result<Endpoint, Why> {
        text.parse_literal(name, "no foreign, global and local address")?;
        let end: End = text.parse_bare_party()?.end()?;
        Ok(end.into())
    };
    Ok(Ends { foreign: end(b" faddr ")?, global: end(b" gaddr ")?, local: end(b" laddr ")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;
    use crate::{Bytes, Ending, Nanos};

    #[test]
    fn connections_by_three_addresses_are_read() {
        let ends = "faddr 198.51.100.7/25 gaddr 192.0.2.31/1025 laddr 10.0.0.5/2007";
        for (way, orig, resp) in [
            ("outbound", ["10.0.0.5:2007", "192.0.2.31:1025"], ["198.51.100.7:25"; 2]),
            ("inbound", ["198.51.100.7:25"; 2], ["10.0.0.5:2007", "192.0.2.31:1025"]),
        ] {
            let text = format!("Built {way} TCP connection 7 for {ends} (jane)");
            let Ok(Event::Opened(opened)) = parse(|event| parse_built(Text::new(text.as_bytes()), event)) else {
                panic!("{text}")
            };
            let both =
                |end: Endpoint, mapped: Option<Endpoint>| [Some(end), mapped].map(|end| end.unwrap().to_string());
            assert_eq!(both(opened.orig, opened.mapped_orig), orig, "{text}");
            assert_eq!(both(opened.resp, opened.mapped_resp), resp, "{text}");
            assert_eq!((opened.inside.orig, opened.id), (Some(way == "outbound"), RecordId::Device(7)), "{text}");
        }
        for (tail, ending) in
            [(" (TCP Reset-I)", Ending::ResetByResp), (" (TCP FINs)", Ending::Fins), ("", Ending::Unknown)]
        {
            let text = format!("Teardown TCP connection 7 {ends} duration 0:04:56 bytes 11069{tail}");
            let Ok(Event::Closed(closed)) = parse(|event| parse_teardown(Text::new(text.as_bytes()), event)) else {
                panic!("{text}")
            };
            assert_eq!(
                (closed.first.to_string(), closed.second.to_string()),
                ("198.51.100.7:25".into(), "10.0.0.5:2007".into())
            );
            assert_eq!((closed.duration, closed.bytes.map(Bytes::total)), (296 * Nanos::SECOND, Some(11069)));
            assert_eq!((closed.ending, closed.inside.resp), (ending, Some(true)), "{text}");
        }
    }

    #[test]
    fn what_is_damaged_says_where() {
        for (text, why) in [
            ("Built TCP connection 7 for faddr 198.51.100.7/25", "no direction"),
            ("Built inbound UDP connection 7 for faddr 198.51.100.7/25", "another protocol than its message id's"),
            ("Built inbound TCP connection x for faddr 198.51.100.7/25", "no connection id"),
            ("Built inbound TCP connection 7 for faddr 198.51.100.7/25 laddr", "no foreign, global and local address"),
        ] {
            assert_eq!(parse(|event| parse_built(Text::new(text.as_bytes()), event)), Err(why), "{text}");
        }
    }
}
