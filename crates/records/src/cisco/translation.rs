//! Translations built and torn down: 305009 to 305012.

use super::Why;
use super::text::{Text, parse_duration};
use crate::{Event, Proto, Translation, TranslationKind};

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
    fn a_damaged_translation_says_why() {
        for (text, why) in [
            ("Built odd translation from", "neither dynamic nor static"),
            ("Built dynamic TCP thing", "not a translation"),
            ("Built dynamic TCP translation from inside:10.0.0.2 to outside:192.0.2.2/1", "no port"),
            ("Built dynamic translation from inside:10.0.0.2", "no mapped address"),
            ("Built dynamic translation from inside:host to outside:192.0.2.2", "no address (a name?)"),
        ] {
            assert_eq!(parse(|event| parse_built(Text::new(text.as_bytes()), event)), Err(why), "{text}");
        }
    }
}
