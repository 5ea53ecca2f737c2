use super::*;

/// A stream, and what came out of it; `_` stands for a missing byte.
#[derive(Default)]
struct Built {
    stream: Stream,
    store: Store,
    out: String,
    gaps: usize,
}

impl Built {
    fn take(&mut self, start: i64, bytes: &str, acked: i64) {
        let end = start + bytes.len() as i64;
        let payload = Payload { start, end, bytes: bytes.as_bytes(), is_wanted: true };
        let (out, gaps) = (&mut self.out, &mut self.gaps);
        self.stream.take(payload, acked, acked <= 1, &mut self.store, &mut |part| write(out, gaps, &part));
    }

    fn acked(&mut self, acked: i64, at_end: bool) {
        let (out, gaps) = (&mut self.out, &mut self.gaps);
        self.stream.acked(acked, at_end, &mut self.store, &mut |part| write(out, gaps, &part));
    }

    fn finish(&mut self, end: i64) {
        let (out, gaps) = (&mut self.out, &mut self.gaps);
        self.stream.finish(end, &mut self.store, &mut |part| write(out, gaps, &part));
    }
}

fn write(out: &mut String, gaps: &mut usize, part: &Part<'_>) {
    match part {
        Part::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
        Part::Gap(len) => {
            *gaps += 1;
            out.push_str(&"_".repeat(*len as usize));
        }
    }
}

fn put_together(segments: &[(i64, &str)]) -> String {
    let mut built = Built::default();
    segments.iter().for_each(|&(start, bytes)| built.take(start, bytes, 2));
    built.finish(1);
    assert_eq!((built.store.held, built.stream.waits), (0, 0), "nothing is left");
    built.out
}

#[test]
fn any_order_gives_the_same() {
    let orders: [&[(i64, &str)]; 4] = [
        &[(1, "abc"), (4, "def"), (7, "ghi")],
        &[(7, "ghi"), (4, "def"), (1, "abc")],
        &[(4, "def"), (4, "def"), (1, "abcd"), (6, "fghi")],
        &[(9, "i"), (5, "e"), (3, "cd"), (1, "ab"), (6, "fg"), (8, "h")],
    ];
    for segments in orders {
        let mut built = Built::default();
        segments.iter().for_each(|&(start, bytes)| built.take(start, bytes, 1));
        assert_eq!(built.out, "abcdefghi", "{segments:?}");
    }
}

#[test]
fn of_what_overlaps_the_first_stays() {
    assert_eq!(put_together(&[(1, "abcd"), (3, "XXXX")]), "abcdXX");
    assert_eq!(put_together(&[(3, "cd"), (2, "XXXXX"), (1, "a")]), "_XcdXX", "its first byte was acknowledged");
    let mut built = Built::default();
    for (start, bytes) in [(3, "cd"), (2, "XXXXX"), (1, "a")] {
        built.take(start, bytes, 1);
    }
    assert_eq!(built.out, "aXcdXX");
}

#[test]
fn what_was_not_captured_is_a_gap() {
    let mut built = Built::default();
    built.take(1, "ab", 1);
    built.take(5, "ef", 1);
    built.finish(9);
    assert_eq!((built.out.as_str(), built.gaps), ("ab__ef__", 2));
}

#[test]
fn what_the_other_side_has_will_not_come() {
    let mut built = Built::default();
    built.take(3, "cd", 1);
    built.acked(3, false);
    assert_eq!(built.out, "__cd");
    // Nothing waits: it may be captured late, unless it was the last.
    built.acked(8, false);
    assert_eq!(built.out, "__cd");
    built.take(9, "i", 8);
    assert_eq!((built.out.as_str(), built.stream.waits()), ("__cd___", true));
    built.take(8, "h", 8);
    assert_eq!(built.out, "__cd___hi");
    built.acked(11, true);
    assert_eq!(built.out, "__cd___hi_");
}

#[test]
fn what_the_capture_cut_off_is_a_gap() {
    let mut built = Built::default();
    let (out, gaps) = (&mut built.out, &mut built.gaps);
    let payload = Payload { start: 1, end: 6, bytes: b"ab", is_wanted: true };
    built.stream.take(payload, 1, true, &mut built.store, &mut |part| write(out, gaps, &part));
    assert_eq!(built.out, "ab___");
}

#[test]
fn what_waits_is_bounded() {
    for (acked, step) in [(1, 3), (2, 3), (1, 700), (2, 700)] {
        let (mut built, text) = (Built::default(), "x".repeat(step - 1));
        let (mut pieces, mut held) = (0, 0);
        for n in 0..10_000 {
            built.take(3 + n * step as i64, &text, acked);
            pieces = pieces.max(built.stream.waiting.len());
            held = held.max(built.store.held);
            built.out.clear();
        }
        let room = if acked == 1 { UNHEARD } else { BYTES };
        assert!(pieces <= PIECES && held <= room && held > 100, "{pieces} pieces, {held} bytes");
        assert!(built.stream.next > 9_000 * step as i64, "what was given up for them lets others through");
        assert!(built.store.spare.len() <= SPARE);
    }
}

#[test]
fn all_streams_together_are_bounded() {
    let mut store = Store::default();
    let mut streams: Vec<Stream> = (0..16).map(|_| Stream::default()).collect();
    let text = [b'x'; 1400];
    let mut delivered = 0;
    for n in 0..500 {
        for stream in &mut streams {
            let start = 3 + n * 1500;
            let payload = Payload { start, end: start + 1400, bytes: &text, is_wanted: true };
            stream.take(payload, 2, false, &mut store, &mut |part| delivered += u64::from(part != Part::Gap(100)));
            assert!(store.held() <= HELD);
        }
    }
    assert!(delivered > 0);
    for stream in &mut streams {
        stream.finish(1, &mut store, &mut |_| {});
    }
    assert_eq!(store.held(), 0);
}

#[test]
fn what_nobody_wants_waits_without_its_content() {
    let (mut stream, mut store, mut gaps) = (Stream::default(), Store::default(), 0);
    for (start, captured, is_wanted) in [(5, 4, false), (11, 1, false), (1, 4, true), (9, 2, false)] {
        let payload =
            Payload { start, end: start + captured.max(2), bytes: &[b'x'; 4][..captured as usize], is_wanted };
        stream.take(payload, 1, true, &mut store, &mut |part| {
            if let Part::Gap(len) = part {
                gaps += len;
            }
        });
        assert_eq!(store.held(), 0);
    }
    assert_eq!((stream.next(), gaps), (13, 1), "a byte was cut off");
}
