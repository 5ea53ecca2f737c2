//! Lines of other programs, as a collector's file has them between those of the firewalls.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::written::parse_written;
use crate::fields::value;
use crate::{Block, LineSink, Place, Unparsed};

/// What syslogd writes where nobody else has written for a while.
const MARK: &[u8] = b"-- MARK --";

/// Words of those who dropped messages: rsyslog's imuxsock and imjournal, syslog-ng, systemd's journal, Linux.
static RATE_LIMITING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("due to rate-limiting"));
static QUEUE_FULL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("estination queue full, dropping message"));
static SUPPRESSED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(": Suppressed "));
static WERE_SUPPRESSED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(" messages suppressed"));

/// Under which name lines of other programs are counted: they may come from any number of hosts.
pub const PROGRAMS: &[u8] = b"other programs";

/// What a line is called that nobody knows.
pub(crate) const NOBODYS: &str = "line";

/// Whether a line without a firewall's message is whole and another program's: a stamp, then the program's name with a colon
/// or its process id behind it, or all that RFC 5424 has before the message. What was cut off is none.
#[cold]
pub(crate) fn is_of_program(line: &[u8]) -> bool {
    let (line, is_5424) = without_priority(line);
    let Some((_, len)) = parse_written(line) else { return line == MARK };
    let mut words = line[len..].split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    if is_5424 {
        // Host, program, process id, message id, structured data.
        return words.nth(4).is_some();
    }
    // The program stands behind the host; a relay may have put another host before it.
    words.take(3).any(is_program) || is_of_syslogd(&line[len..])
}

/// What syslogd writes of itself, without its name.
fn is_of_syslogd(text: &[u8]) -> bool {
    text.ends_with(MARK) || memmem::find(text, b" exiting on signal ").is_some()
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
    if !skip(place, line, sink) {
        sink.unparsed(Unparsed { place, kind: NOBODYS, why: "no message of a device that is known" });
    }
}

/// Skips a line of another program's, and tells what it says of messages that were lost. Whether it is one.
#[cold]
pub(crate) fn skip(place: Place, line: &[u8], sink: &mut impl LineSink) -> bool {
    let is_of_program = is_of_program(line);
    if is_of_program {
        if let Some(messages) = parse_lost(line) {
            sink.lost(place, messages);
        }
        sink.skipped(PROGRAMS);
    }
    is_of_program
}

/// How many messages a syslog server says that it dropped, so that its log has a hole: 0 where it does not say how many.
fn parse_lost(line: &[u8]) -> Option<u64> {
    let has = |words: &[u8]| memmem::find(line, words).is_some();
    if RATE_LIMITING.find(line).is_some() {
        return number_before(line, b" messages lost")
            .or_else(|| number_behind(line, b" lost "))
            .or_else(|| (has(b" to drop ") || has(b"lost")).then_some(0));
    }
    if QUEUE_FULL.find(line).is_some() {
        return number_behind(line, b"count='").or(Some(0));
    }
    if SUPPRESSED.find(line).is_some() {
        return number_behind(line, b": Suppressed ").filter(|_| has(b" messages from "));
    }
    WERE_SUPPRESSED.find(line)?;
    number_before(line, b" messages suppressed")
}

/// The number that stands behind some words.
fn number_behind(line: &[u8], words: &[u8]) -> Option<u64> {
    let behind = &line[memmem::find(line, words)? + words.len()..];
    value::number(&behind[..behind.iter().take_while(|byte| byte.is_ascii_digit()).count()])
}

/// The number that stands before some words.
fn number_before(line: &[u8], words: &[u8]) -> Option<u64> {
    let before = &line[..memmem::find(line, words)?];
    value::number(&before[before.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1)..])
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
    let is_ours = [&b"%PIX"[..], b"%ASA", b"%FWSM", b"%FTD", b"%NGIPS"].iter().any(|tag| name.starts_with(tag));
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
            "Mar  4 00:20:00 loghost -- MARK --",
            "-- MARK --",
            "Mar  4 00:20:00 loghost exiting on signal 15",
            "Mar  4 00:20:01 loghost syslogd 1.4.1: restart.",
            "Mar  4 00:20:01 loghost rsyslogd: [origin software=\"rsyslogd\" swVersion=\"8.2302.0\"] start",
            "2003-03-04T00:20:01+00:00 loghost syslog-ng[7]: syslog-ng starting up; version='4.8.0'",
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
            "it says -- MARK --",
        ] {
            assert!(!is_of_program(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn what_a_syslog_server_says_of_lost_messages_is_a_number_where_it_has_one() {
        for (text, lost) in [
            ("rsyslogd: imuxsock begins to drop messages from pid 8 due to rate-limiting", Some(0)),
            ("rsyslogd-2177: imuxsock lost 88 messages from pid 8 due to rate-limiting", Some(88)),
            ("rsyslogd: imuxsock[pid: 8, name: nfd]: begin to drop messages due to rate-limiting", Some(0)),
            (
                "rsyslogd: imuxsock[pid: 8]: 4711 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
                Some(4711),
            ),
            ("rsyslogd: imjournal: 9 messages lost due to rate-limiting (20000 allowed within 600 seconds)", Some(9)),
            ("rsyslogd: imudp: messages lost due to rate-limiting", Some(0)),
            (
                "syslog-ng[7]: Destination queue full, dropping message; queue_len='10000', count='4', persist_name='x'",
                Some(4),
            ),
            ("systemd-journald[3]: Suppressed 1234 messages from /system.slice/ulogd2.service", Some(1234)),
            ("kernel: printk: 42 messages suppressed.", Some(42)),
            ("sshd[77]: Accepted publickey for jane", None),
            ("prog: we lost 7 messages", None),
            ("kernel: net_ratelimit: 12 callbacks suppressed", None),
            ("rsyslogd: lost 99999999999999999999 messages due to rate-limiting", Some(0)),
        ] {
            assert_eq!(parse_lost(format!("Mar  4 00:00:01 loghost {text}").as_bytes()), lost, "{text}");
        }
    }
}
