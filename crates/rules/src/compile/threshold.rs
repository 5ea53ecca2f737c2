//! `threshold` and `detection_filter`.

use crate::ast::Opt;
use crate::diagnostic::{Code, Fault};
use crate::keyword::Keyword;
use crate::rule::{Distinct, Filter, FilterKind, Track};

use super::{Parts, bad_value, text, value};

pub(super) fn filter(parts: &mut Parts, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    if parts.filter.is_some() {
        return Err(Fault::new(Code::Conflict, option.name.span, "a rule has one `threshold` or `detection_filter`"));
    }
    let mut kind = (keyword == Keyword::DetectionFilter).then_some(FilterKind::After);
    let (mut track, mut count, mut seconds, mut distinct) = (None, None, None, None);
    for word in text(value).split(',').map(str::trim) {
        let (name, argument) = word.split_once([' ', '\t']).map_or((word, ""), |(name, rest)| (name, rest.trim()));
        let known = match name {
            "type" => "type limit, type threshold and type both are",
            "track" => "track by_src, by_dst, by_both, by_rule and by_flow are",
            "count" | "seconds" => "a number is",
            "unique_on" => "unique_on src_port and unique_on dst_port are",
            _ => "type (of threshold), track, count, seconds and unique_on (of detection_filter) are",
        };
        let bad = || bad_value(value, format!("`{word}` is not understood")).help(known);
        match name {
            "type" if keyword == Keyword::Threshold => {
                kind = Some(match argument {
                    "limit" => FilterKind::Limit,
                    "threshold" => FilterKind::Threshold,
                    "both" => FilterKind::Both,
                    _ => return Err(bad()),
                });
            }
            "track" => track = Some(tracked(argument).ok_or_else(bad)?),
            "count" => count = Some(argument.parse().map_err(|_| bad())?),
            "seconds" => seconds = Some(argument.parse().map_err(|_| bad())?),
            "unique_on" if keyword == Keyword::DetectionFilter => {
                distinct = Some(match argument {
                    "src_port" => Distinct::SrcPort,
                    "dst_port" => Distinct::DstPort,
                    _ => return Err(bad()),
                });
            }
            _ => return Err(bad()),
        }
    }
    let missing = |what: &str| bad_value(value, format!("`{what}` is missing"));
    parts.filter = Some(Filter {
        kind: kind.ok_or_else(|| missing("type"))?,
        track: track.ok_or_else(|| missing("track"))?,
        count: count.filter(|count| *count > 0).ok_or_else(|| missing("count"))?,
        seconds: seconds.filter(|seconds| *seconds > 0).ok_or_else(|| missing("seconds"))?,
        distinct,
    });
    Ok(())
}

fn tracked(word: &str) -> Option<Track> {
    Some(match word {
        "by_src" => Track::BySrc,
        "by_dst" => Track::ByDst,
        "by_both" => Track::ByBoth,
        "by_rule" => Track::ByRule,
        "by_flow" => Track::ByFlow,
        _ => return None,
    })
}
