//! What proxy it may be, from the bytes that it adds: a guess, and called one.
//!
//! The handshakes are those that the protocols prescribe (RFC 1928 and its predecessors; RFC 9110 for CONNECT) and the
//! answers of the servers as measured; a proxy that speaks the same protocol adds the same bytes.

use super::incident::Case;

/// A guess needs so large a share of sessions with one handshake.
const SHARE: f64 = 0.3;
/// Dante connects from the source port that its client has (measured: 282 of 283); nothing else did.
const SAME_PORT: f64 = 0.8;

/// The likely proxy software of a forward relay.
#[must_use]
pub(crate) fn guess(case: &Case<'_>) -> Option<String> {
    let (service, tests) = case.tested().max_by_key(|(_, tests)| tests.taken)?;
    let modes = tests.overheads();
    let share =
        |is: fn((i64, i64)) -> bool| -> f64 { modes.iter().filter(|(d, _)| is(*d)).map(|(_, share)| share).sum() };
    let kinds: [(&str, f64); 4] = [
        ("a SOCKS 4 server", share(is_socks4)),
        ("a SOCKS 5 server", share(is_socks5)),
        ("squid (CONNECT)", share(|(up, down)| CONNECT.contains(&up) && down == 39)),
        ("tinyproxy (CONNECT)", share(|(up, down)| CONNECT.contains(&up) && down == 70)),
    ];
    let (kind, share) = kinds.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    if share < SHARE {
        return None;
    }
    let dante = kind.contains("SOCKS") && service.same_ports() >= SAME_PORT;
    Some(if dante { format!("{kind}, dante by its source ports") } else { kind.to_owned() })
}

/// Bytes of a CONNECT request, by client program.
const CONNECT: std::ops::Range<i64> = 34..160;

/// By address, and 4a by name; with totals up and down together.
fn is_socks4(d: (i64, i64)) -> bool {
    matches!(d, (9 | 13, 8) | (17 | 21, 0))
}

/// By address, and by a name of the usual length; with totals up and down together.
fn is_socks5(d: (i64, i64)) -> bool {
    matches!(d, (13 | 14 | 18..=30, 12) | (25 | 26 | 30..=42, 0))
}
