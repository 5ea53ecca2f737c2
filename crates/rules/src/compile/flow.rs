//! `flow` and `flowbits`.

use crate::ast::Opt;
use crate::diagnostic::{Code, Fault};
use crate::rule::{BitOp, BitTest, Direction};

use super::{BitNames, Parts, bad_value, text, value};

pub(super) fn flow(parts: &mut Parts, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    parts.flow.required = true;
    for word in text(value).split(',').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "to_server" | "from_client" => parts.flow.direction = Some(Direction::ToServer),
            "to_client" | "from_server" => parts.flow.direction = Some(Direction::ToClient),
            "established" => parts.flow.established = Some(true),
            "not_established" => parts.flow.established = Some(false),
            "stateless" => parts.flow.required = false,
            "only_stream" => parts.stream_only = true,
            "no_stream" => parts.packet_only = true,
            "only_frag" | "no_frag" => {
                return Err(Fault::new(Code::NotBuilt, value.span, format!("`flow:{word}` is not built")));
            }
            _ => return Err(bad_value(value, format!("`{word}` is nothing that `flow` knows")).help(
                "to_server, to_client, from_server, from_client, established, not_established, stateless, only_stream and no_stream are",
            )),
        }
    }
    if parts.stream_only && parts.packet_only {
        return Err(Fault::new(Code::Conflict, value.span, "only_stream and no_stream leave nothing"));
    }
    Ok(())
}

pub(super) fn flowbits(parts: &mut Parts, names: &mut BitNames, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    let text = text(value);
    let (what, name) = text.split_once(',').map_or((text.trim(), ""), |(what, name)| (what.trim(), name.trim()));
    if what == "noalert" {
        parts.silent = true;
        return Ok(());
    }
    let split = if name.contains('&') { '&' } else { '|' };
    let bits: Vec<u32> = name.split(split).map(str::trim).filter(|n| !n.is_empty()).map(|n| names.number(n)).collect();
    if bits.is_empty() {
        return Err(bad_value(value, "the name of a bit is missing").help("write flowbits:set,name"));
    }
    let ops = |op: fn(u32) -> BitOp| bits.iter().copied().map(op).collect::<Vec<_>>();
    match what {
        "set" => parts.bit_ops.extend(ops(BitOp::Set)),
        "unset" => parts.bit_ops.extend(ops(BitOp::Unset)),
        "toggle" => parts.bit_ops.extend(ops(BitOp::Toggle)),
        "isset" if split == '&' => parts.bit_tests.extend(bits.iter().map(|bit| BitTest::IsSet(vec![*bit]))),
        "isset" => parts.bit_tests.push(BitTest::IsSet(bits)),
        "isnotset" => parts.bit_tests.push(BitTest::IsNotSet(bits)),
        _ => {
            return Err(bad_value(value, format!("`{what}` is nothing that `flowbits` does"))
                .help("set, unset, toggle, isset, isnotset and noalert are"));
        }
    }
    Ok(())
}
