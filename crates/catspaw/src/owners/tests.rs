//! Whatever bytes stand in a file, reading it ends and says something of every line.

use catspaw_records::{Clock, YearHint};
use jiff::tz::TimeZone;

use super::csv::fields;
use super::dhcpd::Dhcpd;
use super::kea::Kea;
use super::lease::Leases;
use super::sift::kind_of;
use super::syslog::DhcpSyslog;
use super::{Table, parse_mac, parse_name};

const SAMPLES: [&str; 5] = [
    "<30>1 2003-03-04T09:00:01Z gw dhcpd 7 - - dhcpd: DHCPACK on 10.0.0.5 to 00:11:22:33:44:0a (pc-a) via eth0\n",
    "Mar  4 09:00:01 gw dnsmasq-dhcp[9]: 7 DHCPACK(eth0) 10.0.0.5 00:11:22:33:44:0a pc-\u{e9}\nMar 04 2003 09:00:02: dhcpd: DHCPRELEASE of 10.0.0.5 from 0:1:2:3:4:a via e\n",
    "lease 10.0.0.5 {\n starts 2 2003/03/04 09:00:01;\n ends epoch 1046779200; # x\n hardware ethernet 0:1:2:3:4:5;\n client-hostname \"a\";\n}\nia-na \"x\" {\n iaaddr ::1 {\n }\n}\n",
    "address,hwaddr,client_id,valid_lifetime,expire,hostname,state\n10.0.0.5,00:11:22:33:44:0a,,7200,1046775600,\"a,\"\"b\",0\n::1,,,4294967295,9223372036854775807,,0\n",
    "address,mac,user,name,from,to\n10.0.0.0/8,x,\"Doe, J\",n,2003-03-04,2003-03-04 10:00\n",
];

fn read(text: &str) {
    let lossy = text;
    _ = kind_of(lossy.as_bytes());
    let mut leases = Leases::default();
    let mut readers =
        (DhcpSyslog::new(Clock::new(TimeZone::UTC, YearHint::First(2003))), Dhcpd::default(), Kea::default());
    for line in lossy.lines() {
        _ = readers.0.line(line, &mut leases);
        _ = readers.1.line(line, &mut leases);
        _ = readers.2.line(line, &mut leases);
        _ = (parse_mac(line), parse_name(line), fields(line));
    }
    leases.finish();
    _ = Table::parse(lossy, &TimeZone::UTC, true)
        .map(|table| table.of([10, 0, 0, 5].into(), catspaw_records::Nanos(0)));
    _ = Table::parse(lossy, &TimeZone::UTC, false);
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for sample in SAMPLES {
        for cut in 0..=sample.len() {
            read(&String::from_utf8_lossy(&sample.as_bytes()[..cut]));
        }
        for _ in 0..2000 {
            let mut bytes = sample.as_bytes().to_vec();
            for _ in 0..=next(4) {
                let (at, from) = (next(bytes.len()), next(bytes.len()));
                match next(3) {
                    0 => bytes[at] = next(256) as u8,
                    1 => bytes[at] = bytes[from],
                    _ => bytes.truncate(at.max(1)),
                }
            }
            read(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn hardware_addresses_have_one_form() {
    for text in ["00:11:22:33:44:0A", "00-11-22-33-44-0a", "0011.2233.440a", "00112233440a", "0:11:22:33:44:a"] {
        assert_eq!(parse_mac(text).as_deref(), Some("00:11:22:33:44:0a"), "{text}");
    }
    for text in ["", "10.0.0.5", "00:11:22:33:44", "00:11:22:33:44:0g", "00:11:22:33:44:0a:0b", "dead", "001:1:2:3:4:5"]
    {
        assert_eq!(parse_mac(text), None, "{text}");
    }
}

#[test]
fn what_is_no_lease_is_not_taken_for_one() {
    for text in
        ["", "\0\0", "1046779200 here there\n", "lease of life {\n", "address,mac,user\n10.0.0.1,,\n", "a DHCPACK\n"]
    {
        assert_eq!(kind_of(text.as_bytes()), None, "{text:?}");
    }
}
