//! ICMP connections: 302020. They have no number, and their teardown (302021) says neither how long nor how much.

use std::fmt::Write;

use super::connection::are_of_one_level;
use super::party::NAMED;
use super::text::Text;
use super::{UNKNOWN, Why};
use crate::end::End;
use crate::{Ending, Endpoint, Event, Inside, Proto, RecordId, Stamp, Uid, Whole};

/// 302020: `Built {inbound|outbound} ICMP connection for faddr A/n gaddr B/n laddr C/n [(user)] [type T code C]`.
///
/// The foreign address is outside, the local one inside, unless both interfaces are of one level (`levels`: whether there may be two); the
/// direction says which of them asked. Nothing more comes of it
/// than this line has, so it is told as a whole connection whose life is not known.
pub(super) fn parse_built(mut text: Text<'_>, levels: bool, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Built ", "not a built connection")?;
    let outbound = text.eat(b"outbound ");
    if !outbound {
        text.parse_literal(b"inbound ", "no direction")?;
    }
    let (foreign, global, local) = parse_ends(&mut text)?;
    text.skip_spaces();
    let (kind, code) = parse_type_and_code(text).unwrap_or((0, 0));
    let port = |end: Endpoint, port| Endpoint { port, ..end };
    // Where both are of one level, `faddr` is who asked.
    let told = levels && !are_of_one_level(foreign.addr, local.addr);
    let inside = if told { Inside { orig: Some(outbound), resp: Some(!outbound) } } else { Inside::default() };
    let (orig, resp) = if outbound { (local, foreign) } else { (foreign, local) };
    *event = Event::Whole(Whole {
        id: RecordId::Uid(name_of([foreign, global, local])),
        proto: Proto::Icmp,
        orig: port(orig, kind),
        resp: port(resp, code),
        inside,
        start: UNKNOWN,
        duration: None,
        bytes: None,
        ending: Ending::Unknown,
        answered: None,
        state: None,
        service: None,
        history: None,
        beside: crate::Beside::Nothing,
    });
    Ok(())
}

/// Says when a connection was known. It has no number, so that the moment tells it from the next of the same ends.
pub(super) fn complete(whole: &mut Whole, known: Stamp) {
    whole.start = known;
    if let RecordId::Uid(ends) = whole.id {
        whole.id = RecordId::Uid(Uid::new(format!("{} {}", ends.as_str(), known.at.0).as_bytes()));
    }
}

/// 302021: `Teardown ICMP connection for faddr A/n gaddr B/n laddr C/n`: read, and nothing of it is used; not even where names stand
/// for its addresses.
pub(super) fn check_teardown(mut text: Text<'_>) -> Result<(), Why> {
    text.parse_literal(b"Teardown ", "not a teardown")?;
    match parse_ends(&mut text) {
        Ok(_) | Err(NAMED) => Ok(()),
        Err(why) => Err(why),
    }
}

fn parse_ends(text: &mut Text<'_>) -> Result<(Endpoint, Endpoint, Endpoint), Why> {
    text.parse_literal(b"ICMP connection ", "another protocol than its message id's")?;
    text.parse_literal(b"for faddr ", "no foreign address")?;
    let foreign = text.parse_bare_party()?.end_or_zero();
    text.decode_groups();
    text.parse_literal(b" gaddr ", "no global address")?;
    let global = text.parse_bare_party()?.end_or_zero();
    text.decode_groups();
    text.parse_literal(b" laddr ", "no local address")?;
    let local = text.parse_bare_party()?.end_or_zero();
    text.decode_groups();
    let end = |end: End| Endpoint::from(end);
    Ok((end(foreign), end(global), end(local)))
}

/// `type 8 code 0`, which only later ASAs write.
fn parse_type_and_code(mut text: Text<'_>) -> Option<(u16, u16)> {
    let mut part =
        |name: &[u8]| text.eat(name).then(|| text.parse_number()).flatten().and_then(|number| number.try_into().ok());
    Some((part(b"type ")?, part(b" code ")?))
}

/// A name for what has none: of all that tells one from another, the identifiers in the ports' places among it.
fn name_of(ends: [Endpoint; 3]) -> Uid {
    let mut name = String::new();
    for end in ends {
        let _ = write!(name, "{end} ");
    }
    Uid::new(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cisco::tests::parse;

    fn whole(text: &str) -> Whole {
        match parse(|event| parse_built(Text::new(text.as_bytes()), true, event)) {
            Ok(Event::Whole(whole)) => whole,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_direction_says_who_asked() {
        let ends = "ICMP connection for faddr 192.0.2.8/0(LOCAL\\jane) gaddr 198.51.100.2/5157 laddr 10.0.0.1/512";
        for (text, orig, resp, inside) in [
            (
                format!("Built inbound {ends} (jane)"),
                "192.0.2.8:0",
                "10.0.0.1:0",
                Inside { orig: Some(false), resp: Some(true) },
            ),
            (
                format!("Built outbound {ends}"),
                "10.0.0.1:0",
                "192.0.2.8:0",
                Inside { orig: Some(true), resp: Some(false) },
            ),
            (
                format!("Built outbound {ends}(LOCAL\\joe) (joe) type 8 code 3 Internal-Data0/0:RX[5]"),
                "10.0.0.1:8",
                "192.0.2.8:3",
                Inside { orig: Some(true), resp: Some(false) },
            ),
        ] {
            let conn = whole(&text);
            assert_eq!((conn.orig.to_string(), conn.resp.to_string()), (orig.to_owned(), resp.to_owned()), "{text}");
            assert_eq!((conn.proto, conn.inside, conn.duration, conn.bytes), (Proto::Icmp, inside, None, None));
        }
    }

    #[test]
    fn what_tells_connections_apart_is_in_the_name() {
        let name = |seq: u16| {
            whole(&format!(
                "Built inbound ICMP connection for faddr 192.0.2.8/{seq} gaddr 192.0.2.1/0 laddr 10.0.0.1/0"
            ))
            .id
        };
        assert_eq!(name(7), name(7));
        assert_ne!(name(7), name(8));
    }

    #[test]
    fn a_teardown_is_read_or_refused() {
        let text = "Teardown ICMP connection for faddr 2001:db8::8/0(u) gaddr 2001:db8::1/0 laddr 2001:db8::1/0";
        assert_eq!(check_teardown(Text::new(text.as_bytes())), Ok(()));
        let named = "Teardown ICMP connection for faddr web.example/0 gaddr 192.0.2.1/0 laddr 10.0.0.1/0";
        assert_eq!(check_teardown(Text::new(named.as_bytes())), Ok(()));
        for (text, why) in [
            ("Teardown ICMP connection for faddr 192.0.2.8/0", "no global address"),
            ("Teardown ICMP connection for faddr 192.0.2.8/0 gaddr 192.0.2.1/0", "no local address"),
            ("Teardown UDP connection for", "another protocol than its message id's"),
        ] {
            assert_eq!(check_teardown(Text::new(text.as_bytes())), Err(why), "{text}");
        }
    }
}
