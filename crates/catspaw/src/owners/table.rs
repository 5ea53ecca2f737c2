//! The owner's table: `address,mac,user,name,from,to`.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;

use catspaw_records::Nanos;
use catspaw_records::leases::csv::{columns, field, fields};
use catspaw_records::leases::{parse_mac, parse_name};
use catspaw_relay::Network;
use jiff::tz::TimeZone;

use super::Owner;
use crate::moment;

/// A table is no larger.
const LARGEST: u64 = 256 << 20;

/// Rows by address.
#[derive(Debug, Default)]
pub(crate) struct Table {
    single: HashMap<IpAddr, Vec<Row>>,
    networks: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    /// `None` in the answer of a command: whatever was asked for.
    network: Option<Network>,
    from: Nanos,
    to: Nanos,
    owner: Owner,
}

impl Row {
    fn says(&self, host: IpAddr, at: Nanos) -> bool {
        self.network.is_none_or(|network| network.contains(host)) && self.from <= at && at < self.to
    }
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or a row is wrong: which, and why.
    pub(crate) fn read(path: &Path, zone: &TimeZone) -> Result<Self, String> {
        let name = path.display();
        let unreadable = |error| format!("{name}: cannot be read: {error}");
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > LARGEST {
            return Err(format!("{name}: {size} bytes are too many for a table of owners"));
        }
        let text = String::from_utf8_lossy(&std::fs::read(path).map_err(unreadable)?).into_owned();
        Self::parse(&text, zone, true).map_err(|(line, why)| format!("{name}:{line}: {why}"))
    }

    /// Reads a text with a header; `strict`: each row has an address.
    ///
    /// # Errors
    /// The line that is wrong, and why.
    pub(super) fn parse(text: &str, zone: &TimeZone, strict: bool) -> Result<Self, (usize, String)> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, l)| !l.trim().is_empty());
        let (at, header) =
            lines.next().ok_or((1, "empty: the first line is address,mac,user,name,from,to".to_owned()))?;
        let columns = columns(header, ["address", "mac", "user", "name", "from", "to"]);
        if (strict && columns[0].is_none()) || columns.iter().all(Option::is_none) {
            return Err((
                at,
                "the first line is a header with address, and of mac, user, name, from, to what there is".to_owned(),
            ));
        }
        let mut table = Self::default();
        for (at, line) in lines {
            let fields = fields(line);
            let [address, mac, user, name, from, to] = columns.map(|column| field(&fields, column));
            let network = match address {
                Some(text) => {
                    Some(Network::parse(text).ok_or_else(|| (at, format!("{text:?} is no address and no network")))?)
                }
                None if strict => return Err((at, "no address".to_owned())),
                None => None,
            };
            let moment = |text: Option<&str>, otherwise| {
                text.map_or(Ok(otherwise), |text| moment::parse(text, zone).map_err(|why| (at, why)))
            };
            let owned = |text: Option<&str>| text.and_then(parse_name);
            // As the owner writes it, unless it is the address of a card: that has one form.
            let mac = owned(mac).map(|mac| parse_mac(&mac).unwrap_or(mac));
            let owner = Owner { mac, user: owned(user), name: owned(name) };
            table.add(Row { network, from: moment(from, Nanos::MIN)?, to: moment(to, Nanos::MAX)?, owner });
        }
        Ok(table)
    }

    fn add(&mut self, row: Row) {
        match row.network.filter(Network::is_single) {
            Some(network) => self.single.entry(network.addr().to_canonical()).or_default().push(row),
            None => self.networks.push(row),
        }
    }

    /// IPv6 addresses of machines that have one IPv4 address, each with that: by rows of one card that hold at all times.
    pub(super) fn machines(&self) -> HashMap<IpAddr, IpAddr> {
        let mut by_card: HashMap<&str, (BTreeSet<IpAddr>, Vec<IpAddr>)> = HashMap::new();
        for (&addr, rows) in &self.single {
            let always = rows.iter().filter(|row| (row.from, row.to) == (Nanos::MIN, Nanos::MAX));
            for card in always.filter_map(|row| row.owner.mac.as_deref()) {
                let (four, six) = by_card.entry(card).or_default();
                if addr.is_ipv4() {
                    four.insert(addr);
                } else {
                    six.push(addr);
                }
            }
        }
        let alone = by_card.into_values().filter(|(four, _)| four.len() == 1);
        alone
            .flat_map(|(four, six)| {
                four.into_iter().flat_map(move |four| six.clone().into_iter().map(move |six| (six, four)))
            })
            .collect()
    }

    /// Who is behind `host` at `at`: by the row of the smallest network, of these by the one that began last.
    pub(super) fn of(&self, host: IpAddr, at: Nanos) -> Option<Owner> {
        let host = host.to_canonical();
        let single = self.single.get(&host).into_iter().flatten().filter(|row| row.says(host, at));
        let row = single.max_by_key(|row| row.from).or_else(|| {
            let networks = self.networks.iter().filter(|row| row.says(host, at));
            networks.max_by_key(|row| (row.network.map_or(0, |network| network.bits()), row.from))
        })?;
        (row.owner != Owner::default()).then(|| row.owner.clone())
    }
}
