//! The compiler of rules, and what it compiles.

use catspaw_rules::{
    Buffer, Builder, Class, Direction, Facts, Flow, FlowBits, PacketView, Ruleset, Scratch, StreamView, Variables,
};

/// A rule file up to the first zero byte, and behind it what it is held against: every rule loads or is refused with a place
/// in the file, and what fires does not depend on what was inspected before.
pub fn rules(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, payload) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let mut builder = Builder::new(Variables::default());
    let loaded = builder.add(text);
    for diagnostic in &loaded.diagnostics {
        assert!(diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len(), "{diagnostic:?}");
        assert!(diagnostic.line > 0 && diagnostic.column > 0 && !diagnostic.message.is_empty());
        let shown = diagnostic.render("x.rules", text);
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    }
    assert!(loaded.diagnostics.len() >= loaded.refused);
    let Some(rules) = builder.build() else { return };
    assert_eq!(rules.rules().len(), loaded.rules);
    let mut used = Scratch::default();
    for class in [Class::Tcp, Class::Udp, Class::Icmp, Class::Other] {
        let first = fired(&rules, class, payload, &mut used);
        assert_eq!(first, fired(&rules, class, payload, &mut used));
        assert_eq!(first, fired(&rules, class, payload, &mut Scratch::default()));
    }
}

/// The rules that fire on a packet, and on a stream that comes in two parts.
fn fired(rules: &Ruleset, class: Class, payload: &[u8], scratch: &mut Scratch) -> Vec<u32> {
    let (src, dst) = ([192, 0, 2, 1].into(), [10, 0, 0, 1].into());
    let flow = Flow { class, src, src_port: 4000, dst, dst_port: 8080 };
    let (candidates, mut bits, mut fired) = (rules.candidates(flow), FlowBits::default(), Vec::new());
    let mut header = [0; 20];
    header[0] = 0x45;
    let payload_len = payload.len() as u32;
    let facts = Facts { ip: &header, proto: 6, transport: &header, payload, payload_len, same_ip: false };
    let state = (Direction::ToServer, true);
    let view = PacketView { flow, state: Some(state), facts, in_stream: false, first: true };
    let mut matched = |number, _: &_| fired.push(number);
    rules.packet(&view, candidates, &mut bits, scratch, &mut matched);
    let half = payload.len() / 2;
    let mut barren = true;
    for (end, seen) in [(half, 0), (payload.len(), half)] {
        let buffer = Buffer { bytes: &payload[..end], base: 0, seen };
        let view = StreamView { flow, state, buffer, barren, passed: 0 };
        barren = !rules.stream(&view, candidates, &mut bits, scratch, &mut matched);
    }
    assert!(fired.iter().all(|number| (*number as usize) < rules.rules().len()));
    fired
}
