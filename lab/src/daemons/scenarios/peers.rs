//! BitTorrent: aria2, a tracker outside, and peers on both sides.

use std::io;

use super::{Part, browsers};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;

const PROGRAMS: &[(&str, &str)] = &[
    ("aria2c", "aria2"),
    ("opentracker", "opentracker"),
    ("transmission-create", "transmission-cli"),
    ("transmission-show", "transmission-cli"),
];
pub(super) const PEERS: Part = Part { name: "bittorrent", programs: PROGRAMS, set: peers };

/// What is shared, in bytes.
const SIZE: u64 = 12_000_000;

/// Of those outside three have all of it; the others, and two hosts of ours, get it from one another.
fn peers(stage: &mut Stage) -> io::Result<()> {
    let tracker = stage.abroad("tracker")?;
    let folder = stage.folder(&tracker)?;
    let announce = format!("http://{}:6969/announce", tracker.v4);
    stage.prepare(&format!(
        "mkdir -p {folder}/all && head -c {SIZE} /dev/urandom >{folder}/all/film && \
         transmission-create -s 128 -t {announce} -o {folder}/film.torrent {folder}/all/film >/dev/null && \
         transmission-show {folder}/film.torrent | sed -n 's/^ *Hash: *//p' >{folder}/known"
    ))?;
    let address = tracker.v4.to_string();
    stage.daemon(&tracker, &["opentracker", "-i", &address, "-p", "6969", "-d", &folder, "-w", "known"], Some(6969))?;
    let torrent = format!("{folder}/film.torrent");
    for number in 0..8 {
        let peer = stage.abroad(&format!("peer{number}"))?;
        let own = stage.folder(&peer)?;
        if number < 3 {
            stage.prepare(&format!("cp {folder}/all/film {own}/"))?;
        }
        share(stage, &peer, &torrent, number * 400)?;
    }
    for number in 0..2 {
        let host = stage.host(&format!("peer-inside{number}"))?;
        share(stage, &host, &torrent, 1_500 + number * 6_000)?;
        browsers::browse(stage, &host, 10);
        stage.innocent(&host, &["HARD: BitTorrent, peers both ways", "web browsing"]);
    }
    Ok(())
}

/// Slowly, so that it goes on all the while.
fn share(stage: &mut Stage, host: &Host, torrent: &str, at: u64) -> io::Result<()> {
    let folder = stage.folder(host)?;
    let port = stage.rng.range(20_000, 60_000);
    let words = [
        "aria2c".to_owned(),
        format!("--dir={folder}"),
        format!("--listen-port={port}"),
        format!("--interface={}", host.v4),
        "--enable-dht=false".to_owned(),
        "--enable-dht6=false".to_owned(),
        "--bt-enable-lpd=false".to_owned(),
        "--enable-peer-exchange=true".to_owned(),
        "--seed-ratio=0".to_owned(),
        "--check-integrity=true".to_owned(),
        "--bt-tracker-interval=8".to_owned(),
        "--max-upload-limit=150K".to_owned(),
        "--max-download-limit=300K".to_owned(),
        "--file-allocation=none".to_owned(),
        "--summary-interval=0".to_owned(),
        torrent.to_owned(),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let patience = stage.span.saturating_sub(at + 1_000);
    stage.keep(at, host, &words, patience);
    Ok(())
}
