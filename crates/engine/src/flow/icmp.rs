//! ICMP as Zeek tells it: a question and its answer are one flow, and each kind of message that nobody answers is one
//! each way.

use crate::IpProto;

/// What stands in place of the ports of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types {
    /// The sender's: the message's type.
    pub(super) src: u16,
    /// The receiver's: the type of what answers or asks, or the code where there is no such thing.
    pub(super) dst: u16,
    /// Whether nothing answers it.
    pub(super) is_one_way: bool,
}

/// Of a message's type and code.
#[inline]
pub(super) fn types(proto: IpProto, kind: u16, code: u16) -> Types {
    let other = if proto == IpProto::ICMP { counterpart(kind) } else { counterpart_v6(kind) };
    Types { src: kind, dst: other.unwrap_or(code), is_one_way: other.is_none() }
}

/// RFC 792, RFC 950, RFC 1256.
fn counterpart(kind: u16) -> Option<u16> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

/// RFC 4443, RFC 4861, RFC 2710, RFC 4620, RFC 6275.
fn counterpart_v6(kind: u16) -> Option<u16> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_answered_answers_back() {
        for proto in [IpProto::ICMP, IpProto::ICMPV6] {
            for kind in 0..256 {
                let there = types(proto, kind, 7);
                if there.is_one_way {
                    assert_eq!((there.src, there.dst), (kind, 7));
                } else {
                    let back = types(proto, there.dst, 7);
                    assert_eq!((back.src, back.dst, back.is_one_way), (there.dst, kind, false));
                }
            }
        }
        assert!(!types(IpProto::ICMP, 8, 0).is_one_way && types(IpProto::ICMP, 3, 3).is_one_way);
        assert!(!types(IpProto::ICMPV6, 128, 0).is_one_way && types(IpProto::ICMPV6, 1, 4).is_one_way);
    }
}
