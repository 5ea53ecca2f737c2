//! Translations built and torn down: 305009 to 305012; blocks of ports: 305014, 305015, and 305017, which tells of those that
//! are still in use.

use super::Why;
use super::party::Party;
use super::text::{Text, parse_duration};
use crate::{Endpoint, Event, Proto, Translation, TranslationKind};

/// 305009 and 305011: `Built {dynamic|static} [TCP] translation from IFC:real[/p] to IFC:mapped[/p]`.
#[inline]
pub(super) fn parse_built(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Built ", "not a built translation")?;
    *event = Event::Translation(parse_translation(&mut text)?);
    Ok(())
}

/// 305010 and 305012: `Teardown {dynamic|static} [TCP] translation from IFC:real[/p] to IFC:mapped[/p] duration T`.
#[inline]
pub(super) fn parse_teardown(mut text: Text<'_>, event: &mut Event) -> Result<(), Why> {
    text.parse_literal(b"Teardown ", "not a torn down translation")?;
    let translation = parse_translation(&mut text)?;
    let duration = if text.eat(b" duration ") {
        Some(parse_duration(&mut text).ok_or("a duration that is no time")?)
    } else {
        None
    };
    *event = Event::Translation(Translation { torn_down: Some(duration), ..translation });
    Ok(())
}

/// `Allocated [TCP] block of ports for translation from IFC:real to IFC:mapped/first-last`, and the same behind `Released` and
/// behind what 305017 begins with.
#[cold]
pub(super) fn parse_block(mut text: Text<'_>, verb: &[u8], event: &mut Event) -> Result<(), Why> {
    text.parse_literal(verb, "another verb than its message id's")?;
    let word = if text.rest().starts_with(b"block ") { &[][..] } else { text.word() };
    text.skip_spaces();
    text.parse_literal(b"block of ports for translation from ", "not a block of ports")?;
    let real = parse_any_party(&mut text)?.end_or_zero();
    text.decode_groups();
    text.parse_literal(b" to ", "no mapped address")?;
    let mapped = parse_any_party(&mut text)?.end()?;
    text.parse_literal(b"-", "no last port")?;
    let last = text.parse_number().and_then(|last| u16::try_from(last).ok());
    let (real, mapped) = (Endpoint::from(real), Endpoint::from(mapped));
    let last = last.filter(|last| *last >= mapped.port.max(1)).ok_or("no last port")?;
    let proto = match word {
        b"TCP" => Some(Proto::Tcp),
        b"UDP" => Some(Proto::Udp),
        b"ICMP" => Some(Proto::Icmp),
        _ => None,
    };
    let kind = TranslationKind::Block { proto, last };
    let torn_down = (verb == b"Released ").then_some(None);
    *event = Event::Translation(Translation { kind, real: Endpoint { port: 0, ..real }, mapped, torn_down });
    Ok(())
}

/// With an interface's name or without.
fn parse_any_party<'a>(text: &mut Text<'a>) -> Result<Party<'a>, Why> {
    let mut bare = *text;
    match bare.parse_bare_party() {
        Ok(party) => {
            *text = bare;
            Ok(party)
        }
        Err(_) => text.parse_party(),
    }
}

fn parse_translation(text: &mut Text<'_>) -> Result<Translation, Why> {
    let whole = if text.eat(b"dynamic ") {
        TranslationKind::OneToOne
    } else {
        text.parse_literal(b"static ", "neither dynamic nor static")?;
        TranslationKind::Static
    };
    let kind = if text.eat(b"translation from ") {
        whole
    } else {
        let proto = parse_proto(text)?;
        text.parse_literal(b" translation from ", "not a translation")?;
        TranslationKind::Port(proto)
    };
    let real = text.parse_party()?;
    text.decode_groups();
    text.parse_literal(b" to ", "no mapped address")?;
    let mapped = text.parse_party()?;
    text.decode_groups();
    let (real, mapped) = match kind {
        TranslationKind::Port(Proto::Tcp | Proto::Udp) => (real.end()?, mapped.end()?),
        _ => (real.end_or_zero(), mapped.end_or_zero()),
    };
    Ok(Translation { kind, real: real.into(), mapped: mapped.into(), torn_down: None })
}

fn parse_proto(text: &mut Text<'_>) -> Result<Proto, Why> {
    let word = text.word();
    Ok(match word {
        _ if word.eq_ignore_ascii_case(b"tcp") => Proto::Tcp,
        _ if word.eq_ignore_ascii_case(b"udp") => Proto::Udp,
        _ if word.eq_ignore_ascii_case(b"icmp") => Proto::Icmp,
        b"" => return Err("no protocol"),
        _ => Proto::Other(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Nanos;
    use crate::cisco::tests::parse;

    fn translation(event: Result<Event, Why>) -> (TranslationKind, String, String, Option<Option<i64>>) {
        match event {
            Ok(Event::Translation(t)) => {
                let life = t.torn_down.map(|life| life.map(|nanos| nanos / Nanos::SECOND));
                (t.kind, t.real.to_string(), t.mapped.to_string(), life)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn built_translations_of_every_kind() {
        for (text, kind, real, mapped) in [
            (
                "dynamic translation from inside:10.0.0.2 to outside:192.0.2.31",
                TranslationKind::OneToOne,
                "10.0.0.2:0",
                "192.0.2.31:0",
            ),
            (
                "static translation from inside:10.0.0.2 to outside:192.0.2.31",
                TranslationKind::Static,
                "10.0.0.2:0",
                "192.0.2.31:0",
            ),
            (
                "dynamic translation from inside:10.0.0.2 to DMZ(nat0):10.0.0.2",
                TranslationKind::OneToOne,
                "10.0.0.2:0",
                "10.0.0.2:0",
            ),
            (
                "dynamic TCP translation from inside:10.0.0.2/1266 to outside:192.0.2.2/1025",
                TranslationKind::Port(Proto::Tcp),
                "10.0.0.2:1266",
                "192.0.2.2:1025",
            ),
            (
                "static UDP translation from inside:10.0.0.2/53(LOCAL\\jane) to outside:192.0.2.2/53",
                TranslationKind::Port(Proto::Udp),
                "10.0.0.2:53",
                "192.0.2.2:53",
            ),
            (
                "dynamic ICMP translation from inside:10.0.0.2/512 to outside:192.0.2.2/7",
                TranslationKind::Port(Proto::Icmp),
                "10.0.0.2:512",
                "192.0.2.2:7",
            ),
        ] {
            let built = format!("Built {text}");
            let expected = (kind, real.to_owned(), mapped.to_owned());
            let (k, r, m, life) = translation(parse(|event| parse_built(Text::new(built.as_bytes()), event)));
            assert_eq!(((k, r, m), life), (expected.clone(), None), "{text}");
            let torn = format!("Teardown {text} duration 63:18:11");
            let (k, r, m, life) = translation(parse(|event| parse_teardown(Text::new(torn.as_bytes()), event)));
            assert_eq!(((k, r, m), life), (expected, Some(Some(227_891))), "{text}");
        }
    }

    #[test]
    fn a_teardown_may_not_say_how_long() {
        let text = b"Teardown dynamic translation from inside:10.0.0.2 to outside:192.0.2.31";
        assert_eq!(translation(parse(|event| parse_teardown(Text::new(text), event))).3, Some(None));
    }

    #[test]
    fn blocks_of_ports() {
        let block = |text: &str, verb: &str| {
            let parsed = parse(|event| parse_block(Text::new(text.as_bytes()), verb.as_bytes(), event));
            parsed.map(|_| translation(parse(|event| parse_block(Text::new(text.as_bytes()), verb.as_bytes(), event))))
        };
        let kind = |proto| TranslationKind::Block { proto, last: 1151 };
        let (real, mapped) = ("10.0.0.2:0".to_owned(), "192.0.2.31:1024".to_owned());
        for (text, verb, proto, life) in [
            (
                "Allocated TCP block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31/1024-1151",
                "Allocated ",
                Some(Proto::Tcp),
                None,
            ),
            (
                "Allocated block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31/1024-1151.",
                "Allocated ",
                None,
                None,
            ),
            (
                "Released UDP block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31/1024-1151",
                "Released ",
                Some(Proto::Udp),
                Some(None),
            ),
            (
                "Pba-interim-logging: Active ICMP block of ports for translation from 10.0.0.2 to 192.0.2.31/1024-1151",
                "Pba-interim-logging: Active ",
                Some(Proto::Icmp),
                None,
            ),
        ] {
            assert_eq!(block(text, verb), Ok((kind(proto), real.clone(), mapped.clone(), life)), "{text}");
        }
        for (text, why) in [
            ("Released TCP block of ports for", "another verb than its message id's"),
            ("Allocated TCP port for translation from inside:10.0.0.2", "not a block of ports"),
            ("Allocated block of ports for translation from inside:10.0.0.2", "no mapped address"),
            ("Allocated block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31", "no port"),
            (
                "Allocated block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31/1024",
                "no last port",
            ),
            (
                "Allocated block of ports for translation from inside:10.0.0.2 to outside:192.0.2.31/1024-1023",
                "no last port",
            ),
        ] {
            assert_eq!(block(text, "Allocated "), Err(why), "{text}");
        }
    }

    #[test]
    fn a_damaged_translation_says_why() {
        for (text, why) in [
            ("Built odd translation from", "neither dynamic nor static"),
            ("Built dynamic TCP thing", "not a translation"),
            ("Built dynamic TCP translation from inside:10.0.0.2 to outside:192.0.2.2/1", "no port"),
            ("Built dynamic translation from inside:10.0.0.2", "no mapped address"),
            (
                "Built dynamic translation from inside:host to outside:192.0.2.2",
                "no address (a name? --names FILE says whose)",
            ),
        ] {
            assert_eq!(parse(|event| parse_built(Text::new(text.as_bytes()), event)), Err(why), "{text}");
        }
    }
}
