use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::expand::Expanded;
use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    liblzma::bufread::XzEncoder::new(bytes, 6).read_to_end(&mut packed).unwrap();
    packed
}

/// Of blocks of 100,000 bytes, of which a cut loses the last.
fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::bufread::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

/// `bytes` packed in every way that is unpacked.
fn packed_all_ways(bytes: &[u8]) -> [(Vec<u8>, Packing); 4] {
    [
        (gzip(bytes), Packing::Gzip),
        (zstd(bytes), Packing::Zstd),
        (xz(bytes), Packing::Xz),
        (bzip2(bytes), Packing::Bzip2),
    ]
}

/// Lines that do not pack to nothing.
fn log(lines: usize) -> Vec<u8> {
    (0..lines).flat_map(|at| format!("line {at} {:x}\n", at.wrapping_mul(0x9e37_79b9)).into_bytes()).collect()
}

/// Everything that a reader gives, put together again.
fn drain(reader: &mut BlockReader) -> Vec<u8> {
    let (mut all, mut buffer, mut line) = (Vec::new(), Buffer::default(), 1);
    while let Some(block) = reader.next(buffer) {
        assert_eq!(block.first_line, line);
        // In debug builds it is looked at whether the ends that are given are those of the lines.
        assert!(block.lines(0).lines().all(|(place, _)| place.line >= line && place.line < block.next_line));
        line += memchr::memchr_iter(b'\n', block.bytes()).count() as u64;
        all.extend_from_slice(block.bytes());
        buffer = block.into_buffer();
    }
    all
}

fn read(path: &Path) -> (Vec<u8>, Summary) {
    let mut reader = Source::file(path.to_owned(), true).open().unwrap();
    let all = drain(&mut reader);
    (all, reader.finish())
}

fn read_bytes(bytes: &[u8]) -> (Vec<u8>, Summary) {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(&path, bytes).unwrap();
    read(&path)
}

fn over(content: impl Read + Send + 'static) -> BlockReader {
    Source::standard_input().unpack(content, SystemTime::now(), None).unwrap()
}

fn names(expanded: &Expanded, folder: &Path) -> Vec<String> {
    let prefix = format!("{}/", folder.display());
    expanded.sources.iter().map(|source| source.name().replace(&prefix, "")).collect()
}

#[test]
fn a_plain_file_is_read_as_it_is() {
    let text = log(200_000);
    let (all, summary) = read_bytes(&text);
    assert!(all == text);
    assert_eq!(summary.on_disk, text.len() as u64);
    assert_eq!(summary.long_lines, 0);
    assert!(summary.problem.is_none(), "{:?}", summary.problem);
    assert!(summary.problem.is_none());
}

#[test]
fn all_gzip_members_are_read_and_padding_is_none() {
    let mut packed = gzip(b"one\n");
    packed.extend(gzip(b""));
    packed.extend(gzip(&log(30_000)));
    packed.extend([0; 100]);
    let (all, summary) = read_bytes(&packed);
    assert!(all == [b"one\n".to_vec(), log(30_000)].concat());
    assert_eq!(summary.on_disk, packed.len() as u64);
    assert!(summary.problem.is_none());
}

#[test]
fn all_bzip2_streams_are_read_and_padding_is_none() {
    let packed = [bzip2(b"one\n"), bzip2(b""), bzip2(&log(30_000)), vec![0; 100]].concat();
    let (all, summary) = read_bytes(&packed);
    assert!(all == [b"one\n".to_vec(), log(30_000)].concat());
    assert_eq!(summary.on_disk, packed.len() as u64);
    assert!(summary.problem.is_none());
}

#[test]
fn all_xz_streams_are_read_and_padding_is_none() {
    // Padding is of four bytes each in xz, and may stand between streams.
    let packed = [xz(b"one\n"), vec![0; 64], xz(b""), xz(&log(30_000)), vec![0; 512]].concat();
    let (all, summary) = read_bytes(&packed);
    assert!(all == [b"one\n".to_vec(), log(30_000)].concat());
    assert_eq!(summary.on_disk, packed.len() as u64);
    assert!(summary.problem.is_none());
}

#[test]
fn what_wants_too_much_memory_is_refused() {
    let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
    options.dict_size(256 << 20);
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma2(&options);
    let stream = liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
    let mut packed = Vec::new();
    liblzma::bufread::XzEncoder::new_stream(&b"one\n"[..], stream).read_to_end(&mut packed).unwrap();
    let (all, summary) = read_bytes(&packed);
    assert!(all.is_empty());
    let problem = summary.problem.unwrap();
    assert!(matches!(problem.what, What::Damaged(Packing::Xz, _)), "{problem}");
    assert!(problem.to_string().contains("memory limit"), "{problem}");
}

#[test]
fn all_zstd_frames_are_read_and_skippable_ones_left_out() {
    let mut packed = b"\x50\x2a\x4d\x18\x04\0\0\0size".to_vec();
    packed.extend(zstd(b"one\n"));
    packed.extend(zstd(&log(30_000)));
    let (all, summary) = read_bytes(&packed);
    assert!(all == [b"one\n".to_vec(), log(30_000)].concat());
    assert!(summary.problem.is_none());
}

#[test]
fn a_packed_file_that_is_cut_off_gives_what_it_had() {
    let text = log(30_000);
    for (packed, packing) in packed_all_ways(&text) {
        let (all, summary) = read_bytes(&packed[..packed.len() / 2]);
        assert!(all.len() > text.len() / 4 && text.starts_with(&all), "{packing}: {}", all.len());
        let problem = summary.problem.unwrap();
        assert!(matches!(problem.what, What::CutOff(of) if of == packing), "{problem}");
        assert_eq!(problem.severity(), Severity::Warning);
        for end in [Packing::MAGIC, packed.len() - 1] {
            let (_, summary) = read_bytes(&packed[..end]);
            assert!(matches!(summary.problem.unwrap().what, What::CutOff(of) if of == packing), "{packing} {end}");
        }
    }
}

#[test]
fn damage_is_told_from_a_cut() {
    let text = log(30_000);
    let mut packed = gzip(&text);
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let (all, summary) = read_bytes(&packed);
    assert!(all.len() > text.len() / 4 && text[..text.len() / 4] == all[..text.len() / 4], "{}", all.len());
    assert!(matches!(summary.problem.unwrap().what, What::Damaged(Packing::Gzip, _)));
    for (packed, _) in packed_all_ways(b"one\n") {
        let (all, summary) = read_bytes(&[packed, b"other things".to_vec()].concat());
        assert_eq!(all, b"one\n");
        assert!(matches!(summary.problem.unwrap().what, What::Damaged(..)));
    }
}

#[test]
fn what_cannot_be_unpacked_says_how_it_can() {
    let folder = folder();
    for (magic, command) in [(&b"\x04\x22\x4d\x18more"[..], "lz4cat"), (b"\x1f\x9d\x90", "zcat")] {
        let path = folder.path().join("log");
        fs::write(&path, magic).unwrap();
        let problem = Source::file(path.clone(), true).open().err().unwrap();
        let text = problem.to_string();
        assert!(text.ends_with(&format!("{command} {} | catspaw scan -", path.display())), "{text}");
        assert_eq!(problem.severity(), Severity::Error);
    }
    assert_eq!(read_bytes(b"BZh is no magic\n").0, b"BZh is no magic\n");
}

#[test]
fn packing_inside_a_packing_stays() {
    let inner = gzip(b"one\n");
    assert_eq!(read_bytes(&gzip(&inner)).0, inner);
}

#[test]
fn an_empty_file_is_a_warning() {
    for bytes in [Vec::new(), gzip(b""), zstd(b""), xz(b""), bzip2(b"")] {
        let (all, summary) = read_bytes(&bytes);
        assert!(all.is_empty());
        let problem = summary.problem.unwrap();
        assert!(matches!(problem.what, What::Empty));
        assert_eq!(problem.severity(), Severity::Warning);
    }
}

#[test]
fn binary_data_and_foreign_line_ends_come_through() {
    let binary: Vec<u8> = (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(read_bytes(&binary).0 == binary);
    let (all, summary) = read_bytes(b"one\r\n\r\ntwo\r\n");
    assert_eq!(all, b"one\r\n\r\ntwo\r\n");
    assert!(summary.problem.is_none());
}

#[test]
fn a_last_line_without_its_end_is_given_and_told() {
    let mut reader = over(io::Cursor::new(b"one\ntwo".to_vec()));
    let block = reader.next(Buffer::default()).unwrap();
    assert_eq!((block.bytes(), block.first_line), (&b"one\ntwo"[..], 1));
    assert!(reader.next(block.into_buffer()).is_none());
    let summary = reader.finish();
    assert!(matches!(summary.problem, Some(Problem { what: What::LastLine, .. })));
}

#[test]
fn a_long_line_is_left_out_and_its_place_told() {
    let long = vec![b'x'; 10 << 20];
    let text = [&log(30_000)[..], &long, b"\nafter\n", &long, b"\n", &long].concat();
    let mut reader = over(io::Cursor::new(text));
    let (mut all, mut places, mut buffer) = (Vec::new(), Vec::new(), Buffer::default());
    while let Some(block) = reader.next(buffer) {
        places.push(block.first_line);
        assert_eq!(block.lines(0).lines().count() as u64, block.next_line - block.first_line);
        all.extend_from_slice(block.bytes());
        buffer = block.into_buffer();
    }
    assert!(all == [log(30_000), b"after\n".to_vec()].concat());
    assert_eq!(places, [1, 30_002]);
    let summary = reader.finish();
    assert_eq!(summary.long_lines, 3);
    assert!(matches!(summary.problem, Some(Problem { what: What::LastLine, .. })));
    assert_eq!(summary.long_line_places, [30_001, 30_003, 30_004]);
}

#[test]
fn the_longest_line_that_is_read_is_two_mebibytes_with_its_end() {
    for (len, fits) in [((1 << 21) - 1, true), (1 << 21, false)] {
        // The length decides, and not where in a block the line begins.
        for before in [0, 1, 1_000, (1 << 21) - 1] {
            let text = [vec![b'\n'; before], vec![b'x'; len], b"\nafter\n".to_vec()].concat();
            let mut reader = over(io::Cursor::new(text.clone()));
            let all: usize =
                std::iter::from_fn(|| reader.next(Buffer::default()).map(|block| block.bytes().len())).sum();
            assert_eq!(all, if fits { text.len() } else { text.len() - len - 1 });
            assert_eq!(reader.finish().long_lines, u64::from(!fits));
        }
    }
}

#[test]
fn a_mark_says_where_its_line_begins() {
    let lines = |from: usize, to: usize| (from..to).map(|n| format!("line {n}\n")).collect::<String>();
    let long = "x".repeat(1 << 21) + "\n";
    // Several blocks, and behind a line that is left out.
    let text = lines(1, 300_000) + &long + &lines(300_001, 400_000);
    let mut reader = over(io::Cursor::new(text.clone().into_bytes()));
    let (mut marks, mut blocks) = (Vec::new(), 0);
    while let Some(block) = reader.next(Buffer::default()) {
        blocks += 1;
        assert_eq!(block.marks().next().map(|(line, _)| line), Some(block.first_line));
        marks.extend(block.marks());
    }
    assert!(blocks > 2 && marks.len() > 400_000 / 1100, "{blocks}, {}", marks.len());
    for (line, offset) in marks {
        let begins = format!("line {line}\n");
        assert!(text[offset as usize..].starts_with(&begins), "{line} at {offset}");
    }
}

#[test]
fn a_line_without_end_ends() {
    let mut reader = over(b"one\n".chain(io::repeat(b'x').take(64 << 20)));
    assert_eq!(reader.next(Buffer::default()).unwrap().bytes(), b"one\n");
    assert!(reader.next(Buffer::default()).is_none());
    assert_eq!(reader.finish().long_lines, 1);
}

#[test]
fn the_head_is_not_lost() {
    let text = log(30_000);
    for packed in [text.clone(), gzip(&text)] {
        let mut reader = over(io::Cursor::new(packed));
        assert!(reader.head() == &text[..64 << 10]);
        assert!(reader.head() == &text[..64 << 10]);
        assert!(drain(&mut reader) == text);
    }
    let mut reader = over(io::Cursor::new(b"one".to_vec()));
    assert_eq!(reader.head(), b"one");
    assert_eq!(reader.head(), b"one");
    assert_eq!(drain(&mut reader), b"one");
}

/// Gives one byte at a time, as a slow pipe.
struct Slow<R>(R);

impl<R: Read> Read for Slow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

#[test]
fn a_slow_pipe_gives_the_same() {
    let text = log(20_000);
    for packed in [text.clone(), gzip(&text), zstd(&text), xz(&text), bzip2(&text)] {
        assert!(drain(&mut over(Slow(io::Cursor::new(packed)))) == text);
    }
}

/// Fails as a bad disk does.
struct Failing;

impl Read for Failing {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(5))
    }
}

#[test]
fn a_disk_that_fails_is_not_a_cut() {
    let packed = gzip(&log(10_000));
    let mut reader = over(io::Cursor::new(packed[..1_000].to_vec()).chain(Failing));
    assert!(!drain(&mut reader).is_empty());
    let problem = reader.finish().problem.unwrap();
    assert!(matches!(problem.what, What::Unreadable(_)));
    assert_eq!(problem.severity(), Severity::Error);
}

#[test]
fn directories_are_searched_by_name() {
    let folder = folder();
    let root = folder.path();
    fs::create_dir_all(root.join("b/deep")).unwrap();
    for name in ["c", "b/2", "b/1", "b/deep/x", "a", ".hidden"] {
        fs::write(root.join(name), name).unwrap();
    }
    let expanded = expand(&[root]);
    assert_eq!(names(&expanded, root), [".hidden", "a", "b/1", "b/2", "b/deep/x", "c"]);
    assert!(expanded.sources.iter().all(|source| !source.named()));
    assert!(expanded.problems.is_empty());
    let expanded = expand(&[root.join("c"), root.join("b")]);
    assert_eq!(names(&expanded, root), ["c", "b/1", "b/2", "b/deep/x"]);
    assert!(expanded.sources[0].named());
    assert_eq!(expanded.sources[0].size(), Some(1));
}

#[test]
fn links_in_a_circle_end() {
    let folder = folder();
    let root = folder.path();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/b/log"), "x").unwrap();
    symlink(root, root.join("a/b/up")).unwrap();
    symlink(root.join("a/b"), root.join("a/again")).unwrap();
    symlink(root.join("a/b/log"), root.join("linked")).unwrap();
    symlink("self", root.join("self")).unwrap();
    symlink("nowhere", root.join("broken")).unwrap();
    let expanded = expand(&[root]);
    assert_eq!(names(&expanded, root), ["a/again/log", "linked"]);
    let problems: Vec<_> = expanded.problems.iter().map(|problem| (problem.named, &problem.what)).collect();
    assert!(matches!(problems[..], [(false, What::Missing), (false, What::Unreadable(_))]), "{problems:?}");
}

#[test]
fn what_is_missing_or_no_file_is_a_problem_that_ends_nothing() {
    let folder = folder();
    let root = folder.path();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("full")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("full/socket")).unwrap();
    fs::write(root.join("log"), "x").unwrap();
    let expanded = expand(&[root.join("gone"), root.join("empty"), root.join("full"), root.join("log")]);
    assert_eq!(names(&expanded, root), ["log"]);
    let problems: Vec<_> = expanded.problems.iter().map(|problem| (&problem.what, problem.severity())).collect();
    assert!(
        matches!(
            problems[..],
            [(What::Missing, Severity::Error), (What::NoFile, Severity::Warning), (What::Special, Severity::Warning)]
        ),
        "{problems:?}"
    );
    let gone = Source::file(root.join("gone"), false).open().err().unwrap();
    assert!(matches!(gone.what, What::Missing));
}

#[test]
fn standard_input_is_read_once() {
    let expanded = expand(&["-", "-"]);
    assert_eq!(expanded.sources.len(), 1);
    assert_eq!((expanded.sources[0].name().as_str(), expanded.sources[0].size()), ("-", None));
    assert!(expanded.sources[0].named());
}
