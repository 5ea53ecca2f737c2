//! Whatever stands in a table, reading it ends.

use catspaw_records::Nanos;
use jiff::tz::TimeZone;

use super::Table;

const SAMPLE: &str = "address,mac,user,name,from,to\n10.0.0.0/8,x,\"Doe, J\",n\u{e9},2003-03-04,2003-03-04 10:00\n";

fn read(text: &str) {
    for strict in [true, false] {
        _ = Table::parse(text, &TimeZone::UTC, strict).map(|table| table.of([10, 0, 0, 5].into(), Nanos(0)));
    }
}

#[test]
fn no_bytes_make_a_table_panic() {
    for at in 0..SAMPLE.len() {
        read(&String::from_utf8_lossy(&SAMPLE.as_bytes()[..at]));
        for byte in 0..=255 {
            let mut bytes = SAMPLE.as_bytes().to_vec();
            bytes[at] = byte;
            read(&String::from_utf8_lossy(&bytes));
        }
    }
}
