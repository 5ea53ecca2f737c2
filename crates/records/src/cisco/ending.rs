//! How a TCP connection ended: the reason at the end of a teardown.

use crate::{Ending, Inside};

/// The reasons of message 302014 and what they say of the parties, the frequent ones first and longer ones before
/// their beginnings.
///
/// The texts are those of the table "TCP Termination Reasons" under 302014 in Cisco's "Cisco Secure Firewall ASA
/// Series Syslog Messages" and in the PIX 6 and 7 manuals ("Idle Timeout", "Uauth Deny", "Deny"); `Parent flow is closed` is
/// written by later ASAs without being listed. The manual puts spaces around the hyphen of the resets and the devices
/// do not, so both are here.
///
/// The inside of a reset is the side of higher security, which a teardown names second.
const REASONS: [(&[u8], Ending); 48] = [
    (b"TCP FINs", Ending::Fins),
    (b"TCP Reset-O", Ending::ResetByOrig),
    (b"SYN Timeout", Ending::NoAnswer),
    (b"TCP Reset-I", Ending::ResetByResp),
    (b"FIN Timeout", Ending::HalfClosed),
    (b"Conn-timeout", Ending::Idle),
    // As devices write it of connections whose state they do not follow (302304).
    (b"Connection timeout", Ending::Idle),
    (b"TCP Reset-APPLIANCE", Ending::Reset),
    (b"TCP Reset - O", Ending::ResetByOrig),
    (b"TCP Reset - I", Ending::ResetByResp),
    (b"TCP Reset - APPLIANCE", Ending::Reset),
    (b"TCP Reset", Ending::Reset),
    (b"TCP bad retransmission", Ending::ByDevice),
    (b"TCP Invalid SYN", Ending::ByDevice),
    (b"TCP segment partial overlap", Ending::ByDevice),
    (b"TCP unexpected window size variation", Ending::ByDevice),
    (b"Idle Timeout", Ending::Idle),
    (b"Deny Terminate", Ending::ByDevice),
    // As some versions of the manual, and so perhaps of the devices, have it.
    (b"Deny Termiate", Ending::ByDevice),
    (b"Deny", Ending::ByDevice),
    (b"Failover primary closed", Ending::ByDevice),
    (b"Flow closed by inspection", Ending::ByDevice),
    (b"Flow is a loopback", Ending::ByDevice),
    (b"Flow reset by IPS", Ending::ByDevice),
    (b"Flow terminated by IPS", Ending::ByDevice),
    (b"Flow terminated by TCP Intercept", Ending::ByDevice),
    // The device gave up on an idle flow and told the parties so.
    (b"Flow timed out with reset", Ending::Idle),
    (b"Flow timed out", Ending::Idle),
    // A simulated packet (packet-tracer), no connection of anybody's.
    (b"Free the flow created as result of packet injection", Ending::ByDevice),
    (b"Invalid SYN", Ending::ByDevice),
    (b"IPS fail-close", Ending::ByDevice),
    (b"No interfaces associated with zone", Ending::ByDevice),
    (b"No valid adjacency", Ending::ByDevice),
    (b"Parent flow is closed", Ending::ByDevice),
    // A secondary connection was expected and nothing came.
    (b"Pinhole Timeout", Ending::NoAnswer),
    // Probes are the device's own connections; a server that does not answer them is one that does not answer.
    (b"Probe maximum retries of retransmission exceeded", Ending::NoAnswer),
    (b"Probe maximum retransmission time elapsed", Ending::NoAnswer),
    (b"Probe received RST", Ending::Reset),
    (b"Probe received FIN", Ending::Fins),
    (b"Probe completed", Ending::ByDevice),
    (b"Route change", Ending::ByDevice),
    // A back channel was opened from the wrong side.
    (b"SYN Control", Ending::ByDevice),
    (b"Tunnel has been torn down", Ending::ByDevice),
    (b"Unauth Deny", Ending::ByDevice),
    (b"Uauth Deny", Ending::ByDevice),
    (b"Unknown", Ending::Unknown),
    (b"VPN reclassify failed", Ending::ByDevice),
    (b"Xlate Clear", Ending::ByDevice),
];

/// What `reason` says, told for an originator that is the teardown's first end; a reason that is not known (or none)
/// says nothing.
///
/// Later ASAs add ` from interface`: where that names one of the two ends it says who sent a reset, whatever the
/// security levels are.
#[inline]
pub(super) fn decode_reason(reason: &[u8], first: &[u8], second: &[u8]) -> Ending {
    for (text, ending) in &REASONS {
        if let Some(rest) = reason.strip_prefix(*text)
            && matches!(rest.first(), None | Some(b' '))
        {
            return match (ending, rest.strip_prefix(b" from ")) {
                (Ending::ResetByOrig | Ending::ResetByResp, Some(from)) => reset_from(from, first, second, *ending),
                _ => *ending,
            };
        }
    }
    Ending::Unknown
}

/// The same ending where the second end alone is not known to be inside: whose a reset is that was told for that order.
#[cold]
pub(super) fn reset_by(ending: Ending, reason: &[u8], inside: Inside) -> Ending {
    let by_level = !reason.windows(6).any(|words| words == b" from ");
    match ending {
        Ending::ResetByOrig | Ending::ResetByResp if by_level => match (inside.orig, inside.resp) {
            (Some(false), Some(true) | None) | (None, Some(true)) => ending,
            (Some(true), Some(false) | None) | (None, Some(false)) => ending.turned(),
            (Some(true), Some(true)) | (Some(false), Some(false)) | (None, None) => Ending::Reset,
        },
        other => other,
    }
}

fn reset_from(from: &[u8], first: &[u8], second: &[u8], by_level: Ending) -> Ending {
    let is = |interface: &[u8]| {
        !interface.is_empty()
            && from.strip_prefix(interface).is_some_and(|rest| matches!(rest.first(), None | Some(b' ')))
    };
    match (is(first), is(second)) {
        (true, false) => Ending::ResetByOrig,
        (false, true) => Ending::ResetByResp,
        _ => by_level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(reason: &str) -> Ending {
        decode_reason(reason.as_bytes(), b"outside", b"inside")
    }

    #[test]
    fn every_reason_in_the_table_is_found_as_itself() {
        for (text, expected) in REASONS {
            assert_eq!(decode_reason(text, b"a", b"b"), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn what_follows_a_reason_does_not_change_it() {
        assert_eq!(ending("TCP FINs (jane)"), Ending::Fins);
        assert_eq!(ending("TCP FINs from inside"), Ending::Fins);
        assert_eq!(ending("Flow timed out with reset"), Ending::Idle);
        assert_eq!(ending("TCP Reset-APPLIANCE"), Ending::Reset);
        assert_eq!(ending(""), Ending::Unknown);
        assert_eq!(ending("TCP FINished"), Ending::Unknown);
        assert_eq!(ending("(jane)"), Ending::Unknown);
    }

    #[test]
    fn the_interface_says_who_sent_a_reset() {
        assert_eq!(ending("TCP Reset-O"), Ending::ResetByOrig);
        assert_eq!(ending("TCP Reset-I"), Ending::ResetByResp);
        assert_eq!(ending("TCP Reset-O from outside (jane)"), Ending::ResetByOrig);
        assert_eq!(ending("TCP Reset-O from inside"), Ending::ResetByResp);
        assert_eq!(ending("TCP Reset-O from dmz"), Ending::ResetByOrig);
        assert_eq!(decode_reason(b"TCP Reset-I from lan", b"lan", b"lan"), Ending::ResetByResp);
    }
}
