//! `hostbits` and `xbits`.

use crate::ast::{Opt, Spanned};
use crate::diagnostic::Fault;
use crate::hostbits::{HostBit, HostOp};
use crate::keyword::Keyword;
use crate::rule::Track;

use super::{BitNames, Parts, bad_value, text, value};

/// How long Suricata keeps a bit of `hostbits`, and one of `xbits` that does not say.
const HOSTBITS: u32 = 300;
const XBITS: u32 = 30;

pub(super) fn option(parts: &mut Parts, names: &mut BitNames, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
    let (name, value) = (&option.name.value, value(option)?);
    let text = text(value);
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let (what, rest) = words.split_first().map_or(("", &[][..]), |(what, rest)| (*what, rest));
    if what == "noalert" && rest.is_empty() {
        parts.silent = true;
        return Ok(());
    }
    let Some((bit, rest)) = rest.split_first().filter(|(bit, _)| !bit.is_empty()) else {
        return Err(bad_value(value, "the name of a bit is missing").help(format!("write {name}:set,name")));
    };
    let (owner, seconds) = match keyword {
        Keyword::HostBits => (host(value, rest)?, HOSTBITS),
        _ => tracked(value, rest)?,
    };
    let bit = HostBit { number: names.number(bit), owner, seconds };
    match what {
        "set" => parts.host.ops.push((bit, HostOp::Set)),
        "unset" => parts.host.ops.push((bit, HostOp::Unset)),
        "toggle" => parts.host.ops.push((bit, HostOp::Toggle)),
        "isset" => parts.host.tests.push((bit, true)),
        "isnotset" => parts.host.tests.push((bit, false)),
        _ => {
            return Err(bad_value(value, format!("`{what}` is nothing that `{name}` does"))
                .help("set, unset, toggle, isset, isnotset and noalert are"));
        }
    }
    Ok(())
}

/// `[,src|dst]`
fn host(value: &Spanned<Vec<u8>>, words: &[&str]) -> Result<Track, Fault> {
    match words {
        [] | ["src"] => Ok(Track::BySrc),
        ["dst"] => Ok(Track::ByDst),
        _ => Err(bad_value(value, format!("`{}` is none of src, dst", words.join(",")))),
    }
}

/// `,track ip_src|ip_dst|ip_pair[,expire SECONDS]`
fn tracked(value: &Spanned<Vec<u8>>, words: &[&str]) -> Result<(Track, u32), Fault> {
    let (track, expire) = match words {
        [track] => (track, None),
        [track, expire] => (track, Some(expire)),
        _ => return Err(bad_value(value, "whose bit it is is missing").help("write xbits:set,name,track ip_src")),
    };
    let owner = match track.strip_prefix("track").map(str::trim) {
        Some("ip_src") => Track::BySrc,
        Some("ip_dst") => Track::ByDst,
        Some("ip_pair") => Track::ByBoth,
        _ => return Err(bad_value(value, format!("`{track}` is none of track ip_src, ip_dst, ip_pair"))),
    };
    let Some(expire) = expire else { return Ok((owner, XBITS)) };
    let seconds = expire.strip_prefix("expire").and_then(|seconds| seconds.trim().parse().ok());
    let seconds = seconds.filter(|seconds| *seconds > 0);
    Ok((owner, seconds.ok_or_else(|| bad_value(value, format!("`{expire}` is no `expire SECONDS`")))?))
}
