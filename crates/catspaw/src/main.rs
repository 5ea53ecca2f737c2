//! catspaw finds the machines on your network that somebody else is using.

use catspaw_records::*;
use catspaw_relay::*;
mod pipeline;
mod report;
mod tables;
use pipeline::shard::{Outcome, Shard};
use std::sync::Arc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut config = Config::default();
    for a in args.iter().filter_map(|a| a.strip_prefix("auth=")) {
        let (h, p) = a.split_once(':').unwrap();
        config.authorised.push(Authorised { host: Network::parse(h).unwrap(), port: p.parse().ok(), forward: true, clients: None, targets: None });
    }
    let config = Arc::new(config);
    let mut shards: Vec<Shard> = (0..256).map(|_| Shard::new(config.clone(), Days::new(jiff::tz::TimeZone::UTC), false)).collect();
    let files: Vec<&String> = args.iter().filter(|a| !a.contains('=')).collect();
    for (n, f) in files.iter().enumerate() {
        let bytes = std::fs::read(f).unwrap();
        let clock = Clock::new(jiff::tz::TimeZone::UTC, YearHint::First(2003));
        let Sniffed::Evidence(reader) = sniff(&bytes[..bytes.len().min(65536)], clock) else { panic!("{f}") };
        let home = pipeline::route::Home::default();
        let batch = pipeline::parse::parse(reader, Block { bytes: &bytes, first: Place { file: n as u32, line: 1 } }, HashSeed(1), &home);
        eprintln!("{:?} {:?}", batch.sensors, batch.unparsed);
        for (s, shard) in shards.iter_mut().enumerate() {
            shard.take(&batch, &batch.shards[s], 600 * Nanos::SECOND);
        }
    }
    let mut outcomes: Vec<Outcome> = shards.into_iter().map(|s| s.finish().unwrap()).collect();
    if args.iter().any(|a| a == "debug=1") {
        for o in &outcomes {
            for (h, _, lane) in &o.lanes {
                for s in lane.services.values() {
                    if let Some(t) = &s.tests[0] {
                        eprintln!("{} {} rank {} taken {} sessions {} log10 max {:.2} now {:.2} shifted {:.2?} conv {:?}", h.addr(), s.port, s.rank, t.taken, s.sessions, t.largest.unwrap_or(0.0)/2.3026, t.latest().unwrap_or(0.0)/2.3026, t.largest_shifted.map(|x| x/2.3026), t.conviction.map(|c| c.sessions));
                    }
                }
            }
        }
    }
    let mut pairs: Vec<LegPair> = Vec::new();
    for o in &mut outcomes {
        pairs.extend(o.pairs.rows().unwrap().map(Result::unwrap));
    }
    let mut cases = report::incident::Cases::choose(&outcomes, &config);
    let mut days = Days::new(jiff::tz::TimeZone::UTC);
    for p in &pairs { cases.add(p, &mut days); }
    let dns = cases.take_dns();
    eprintln!("dns {dns:?}");
    struct N;
    impl tables::Names for N { fn sensor(&self, _: SensorId) -> &str { "s" } fn file(&self, _: u32) -> &str { "f" } }
    let out = args.iter().find_map(|a| a.strip_prefix("pairs=")).unwrap_or("/dev/null");
    let mut t = tables::Table::pairs(std::io::BufWriter::new(std::fs::File::create(out).unwrap()), tables::Form::Jsonl).unwrap();
    for p in &pairs {
        if !p.clear { continue; }
        if let Some((c, _)) = cases.of(p) {
            let c = &cases.cases[c];
            t.pair(p, &c.id(), report::sums::delivered(&p.outbound, c.delivered_from), &N).unwrap();
        }
    }
    t.finish().unwrap();
    let (inc, auth): (Vec<_>, Vec<_>) = cases.cases.iter().map(|c| c.write()).partition(|i| !i.authorised);
    let rep = serde_json::json!({"schema":"catspaw.report/1","incidents":inc,"authorised":auth,"evidence":[]});
    println!("{rep}");
}
