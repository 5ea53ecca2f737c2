//! Keywords that look at the headers of a packet.

use crate::ast::Opt;
use crate::diagnostic::Fault;
use crate::keyword::Keyword;
use crate::packet::{Bits, PacketTest};

use super::{bad_value, number, text, value};

pub(super) fn test(keyword: Keyword, option: &Opt) -> Result<PacketTest, Fault> {
    if keyword == Keyword::SameIp {
        return Ok(PacketTest::SameIp);
    }
    let value = value(option)?;
    let plain =
        || {
            number::range(value).and_then(|(range, negated)| {
                if negated { Err(bad_value(value, "`!` is not known here")) } else { Ok(range) }
            })
        };
    Ok(match keyword {
        Keyword::Ttl => PacketTest::Ttl(plain()?),
        Keyword::Id => PacketTest::Id(number::whole(value)?),
        Keyword::Seq => PacketTest::Seq(number::whole(value)?),
        Keyword::Ack => PacketTest::Ack(number::whole(value)?),
        Keyword::IcmpId => PacketTest::IcmpId(number::whole(value)?),
        Keyword::IcmpSeq => PacketTest::IcmpSeq(number::whole(value)?),
        Keyword::Itype => PacketTest::IcmpType(plain()?),
        Keyword::Icode => PacketTest::IcmpCode(plain()?),
        Keyword::Dsize => {
            let (range, negated) = number::range(value)?;
            PacketTest::Dsize(range, negated)
        }
        Keyword::FragOffset => {
            let (range, negated) = number::range(value)?;
            PacketTest::FragmentOffset(range, negated)
        }
        Keyword::Tos | Keyword::Window => one(keyword, option)?,
        Keyword::IpProto => ip_proto(option)?,
        Keyword::IpOpts => ip_option(option)?,
        Keyword::FragBits => fragment(option)?,
        _ => flags(option)?,
    })
}

fn one(keyword: Keyword, option: &Opt) -> Result<PacketTest, Fault> {
    let value = value(option)?;
    let text = text(value);
    let (negated, rest) = text.strip_prefix('!').map_or((false, text.as_str()), |rest| (true, rest));
    let wrong = |_| bad_value(value, format!("`{text}` is not a number that fits here"));
    Ok(match keyword {
        Keyword::Tos => PacketTest::Tos { value: rest.trim().parse().map_err(wrong)?, negated },
        _ => PacketTest::Window(rest.trim().parse().map_err(wrong)?, negated),
    })
}

fn ip_proto(option: &Opt) -> Result<PacketTest, Fault> {
    const NAMES: &[(&str, u32)] = &[
        ("icmp", 1),
        ("igmp", 2),
        ("ipip", 4),
        ("tcp", 6),
        ("udp", 17),
        ("ipv6", 41),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
        ("ipv6-icmp", 58),
        ("icmp6", 58),
        ("pim", 103),
        ("sctp", 132),
    ];
    let value = value(option)?;
    let text = text(value).to_ascii_lowercase();
    let (negated, name) = text.strip_prefix('!').map_or((false, text.as_str()), |rest| (true, rest));
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name.trim()) {
        return Ok(PacketTest::IpProto(*number..=*number, negated));
    }
    let (range, negated) = number::range(value)?;
    Ok(PacketTest::IpProto(range, negated))
}

fn ip_option(option: &Opt) -> Result<PacketTest, Fault> {
    let value = value(option)?;
    let text = text(value).to_ascii_lowercase();
    let kind = match text.as_str() {
        "eol" => 0,
        "nop" => 1,
        "rr" => 7,
        "ts" => 68,
        "sec" => 130,
        "lsrr" => 131,
        "esec" => 133,
        "cipso" => 134,
        "satid" => 136,
        "ssrr" => 137,
        _ => {
            return Err(bad_value(value, format!("`{text}` is no IP option that has a name"))
                .help("eol, nop, rr, ts, sec, lsrr, esec, cipso, satid and ssrr are"));
        }
    };
    Ok(PacketTest::IpOption(kind))
}

/// `+`, `*` or `!` at an end of `text`, and what remains.
fn how(text: &str) -> (Bits, &str) {
    for (mark, how) in [('+', Bits::All), ('*', Bits::Any), ('!', Bits::Not)] {
        if let Some(rest) = text.strip_prefix(mark).or_else(|| text.strip_suffix(mark)) {
            return (how, rest.trim());
        }
    }
    (Bits::Exactly, text)
}

fn fragment(option: &Opt) -> Result<PacketTest, Fault> {
    let value = value(option)?;
    let text = text(value);
    let (how, letters) = how(&text);
    let mut bits = 0;
    for letter in letters.chars() {
        bits |= match letter.to_ascii_uppercase() {
            'R' => 4,
            'D' => 2,
            'M' => 1,
            _ => return Err(bad_value(value, format!("`{letter}` is none of R, D, M"))),
        };
    }
    Ok(PacketTest::Fragment { bits, how })
}

fn flags(option: &Opt) -> Result<PacketTest, Fault> {
    let value = value(option)?;
    let text = text(value);
    // `S,12`: the second set is not looked at.
    let (asked, ignored) =
        text.split_once(',').map_or((text.as_str(), ""), |(asked, ignored)| (asked.trim(), ignored.trim()));
    let (how, letters) = how(asked);
    Ok(PacketTest::Flags { bits: letters_to_flags(letters, option)?, ignored: letters_to_flags(ignored, option)?, how })
}

fn letters_to_flags(letters: &str, option: &Opt) -> Result<u8, Fault> {
    let value = value(option)?;
    let mut bits = 0;
    for letter in letters.chars().filter(|c| !c.is_whitespace()) {
        bits |= match letter.to_ascii_uppercase() {
            'F' => 0x01,
            'S' => 0x02,
            'R' => 0x04,
            'P' => 0x08,
            'A' => 0x10,
            'U' => 0x20,
            'E' | '2' => 0x40,
            'C' | '1' => 0x80,
            '0' => 0,
            _ => {
                return Err(bad_value(value, format!("`{letter}` is no TCP flag"))
                    .help("the flags are F, S, R, P, A, U, E (or 2), C (or 1), and 0 for none"));
            }
        };
    }
    Ok(bits)
}
