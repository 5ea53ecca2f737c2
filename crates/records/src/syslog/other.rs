//! Lines of other programs, as a collector's file has them between those of the firewalls.

use super::written::parse_written;
use crate::{Block, LineSink, Place, Unparsed};

/// Under which name lines of other programs are counted: they may come from any number of hosts.
pub const PROGRAMS: &[u8] = b"other programs";

/// What a line is called that nobody knows.
pub(crate) const NOBODYS: &str = "line";

/// Whether a line without a firewall's message is whole and another program's: a stamp, then the program's name with a colon
/// or its process id behind it, or all that RFC 5424 has before the message. What was cut off is none.
#[cold]
pub(crate) fn is_of_program(line: &[u8]) -> bool {
    let (line, is_5424) = without_priority(line);
    let Some((_, len)) = parse_written(line) else { return false };
    let mut words = line[len..].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    if is_5424 {
        // Host, program, process id, message id, structured data.
        return words.nth(4).is_some();
    }
    // The program stands behind the host; a relay may have put another host before it.
    words.take(3).any(is_program)
}

/// Whether most of these lines are other programs', as at the front of a collector's file in which a firewall's lines may come
/// later.
#[must_use]
pub fn is_of_programs(lines: &[u8]) -> bool {
    let (mut programs, mut others) = (0_usize, 0_usize);
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        *(if is_of_program(line) { &mut programs } else { &mut others }) += 1;
    }
    programs > others
}

/// Tells of lines among which no reader knows one what each reader would.
pub fn pass_over(block: Block<'_>, sink: &mut impl LineSink) {
    block.lines().for_each(|(place, line)| pass_over_line(place, line, sink));
}

/// The same of one line.
#[cold]
pub(crate) fn pass_over_line(place: Place, line: &[u8], sink: &mut impl LineSink) {
    if is_of_program(line) {
        sink.skipped(PROGRAMS);
    } else {
        sink.unparsed(Unparsed { place, kind: NOBODYS, why: "no message of a device that is known" });
    }
}

/// Without `<34>` or `<34>1 `, and whether it was the latter.
fn without_priority(line: &[u8]) -> (&[u8], bool) {
    let Some(rest) = line.strip_prefix(b"<") else { return (line, false) };
    let digits = rest.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits..).and_then(|rest| rest.strip_prefix(b">")) {
        Some(rest) if digits > 0 => rest.strip_prefix(b"1 ").map_or((rest, false), |rest| (rest, true)),
        _ => (line, false),
    }
}

/// `sshd[77]:`, `kernel:`, `%LINK-3-UPDOWN:`; not what is left of a firewall's own tag.
fn is_program(word: &[u8]) -> bool {
    let Some(name) = word.strip_suffix(b":") else { return false };
    let is_ours = [&b"%PIX"[..], b"%ASA", b"%FWSM", b"%FTD"].iter().any(|tag| name.starts_with(tag));
    !is_ours && name.iter().any(u8::is_ascii_alphanumeric) && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_of_programs_are_told_from_what_is_left_of_a_firewalls() {
        for line in [
            "Mar  4 00:00:01 web1 sshd[77]: Accepted publickey for jane",
            "<34>Mar  4 00:00:01 web1 CRON[9]: (root) CMD (true)",
            "Mar  4 2003 00:00:01 gw kernel: eth0: link up",
            "2003-03-04T00:00:01.5+01:00 gw systemd[1]: Started Session 4.",
            "<165>1 2003-03-04T00:00:01.003Z mail postfix 811 - - connect from unknown",
            "Mar  4 00:00:01 sw1 127: %LINK-3-UPDOWN: Interface up",
            "Mar  4 00:00:01 sw1 %LINK-3-UPDOWN: Interface up",
        ] {
            assert!(is_of_program(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "Mar  4 00:00:01",
            "Mar  4 00:00:01 pix : ",
            "Mar  4 00:00:01 pix : %PIX-6-3020",
            "Mar 04 2003 00:00:01: %ASA-6-30201:",
            "Mar  4 00:00:01 pix %FTD-x:",
            "<165>1 2003-03-04T00:00:01.003Z asa1 -",
            "bytes 7141 TCP FINs",
            "I saw this today: see below",
            "<x>Mar  4 00:00:01 web1 sshd[77]: what",
            "Mar  4 00:00:01 pix said to us that: it",
        ] {
            assert!(!is_of_program(line.as_bytes()), "{line}");
        }
    }
}
