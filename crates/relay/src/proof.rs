//! When what was said on a service's legs is enough to accuse: no statistics, and no trust in a single digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::Network;
use crate::content::{Asking, Thing};
use crate::service::{Conviction, Key};

/// So many sessions, on connections of their own, must have been carried on.
const LEAST: usize = 2;
/// So many hosts must have been named, and servers in as many networks called, where it is not known that these are the ones that
/// were named: of tunnels that gave back what they got, and of requests.
const TUNNELS_APART: usize = 2;
const REQUESTS_APART: usize = 4;
/// Sessions that are remembered until then.
const REMEMBERED: usize = 64;

/// Sessions of one service that were seen to be carried on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proofs {
    tunnels: BTreeSet<(Key, Asking)>,
    requests: BTreeSet<(Key, u64, Asking)>,
    messages: BTreeSet<(Key, u64)>,
    /// Whether the clients chose the target: by SOCKS, CONNECT or a request in absolute form.
    pub chosen: bool,
    /// Whether that is only presumed, for it was not seen whose the servers are.
    pub presumed: bool,
    /// When it was enough, and how many inbound legs with payload were known by then, those that prove it among them.
    pub conviction: Option<Conviction>,
}

impl Proofs {
    /// Takes a session of a service that `serves_pages`, or does not. `conviction` says the moment, and how many sessions with
    /// payload had ended by then; `is_known`, whether one is among them.
    pub(crate) fn take(
        &mut self,
        (inbound, thing): (Key, Thing),
        serves_pages: bool,
        conviction: Conviction,
        is_known: impl Fn(&Key) -> bool,
    ) {
        if self.conviction.is_some() || self.len() >= REMEMBERED {
            return;
        }
        match thing {
            Thing::Tunnel(asking) => _ = self.tunnels.insert((inbound, asking)),
            Thing::Request(request, asking) => _ = self.requests.insert((inbound, request, asking)),
            Thing::Message(message) => _ = self.messages.insert((inbound, message)),
        }
        let known = self.tunnels_differ() || self.requests_of(|asking| asking.met, LEAST, 0);
        let presumed = !serves_pages && self.requests_of(|_| true, REQUESTS_APART, REQUESTS_APART);
        self.chosen = known || presumed;
        self.presumed = !known;
        if self.chosen || self.messages_differ() {
            let open = self.sessions().into_iter().filter(|key| !is_known(key)).count() as u64;
            self.conviction = Some(Conviction { sessions: conviction.sessions + open, ..conviction });
        }
    }

    fn len(&self) -> usize {
        self.tunnels.len() + self.requests.len() + self.messages.len()
    }

    /// What stands behind a load balancer may say yes to whomever a scanner names, and be called whatever that is.
    fn tunnels_differ(&self) -> bool {
        let met = self.tunnels.iter().filter(|(_, asking)| asking.met).map(|&(key, _)| key);
        let sessions: BTreeSet<Key> = self.tunnels.iter().map(|&(key, _)| key).collect();
        let (hosts, networks) = differing(self.tunnels.iter().map(|&(_, asking)| asking));
        let apart = sessions.len() >= LEAST && hosts.min(networks) >= TUNNELS_APART;
        met.collect::<BTreeSet<Key>>().len() >= LEAST || apart
    }

    /// A web application that is asked in absolute form may well fetch something for itself; not from one server and then
    /// another, each just when it is named. And a server that hands every request on to its own few servers behind it hands
    /// on those that name somebody else, too: where no look-up tells whose a server is, they have to lie far apart, and the
    /// service must not be a web server's that is scanned.
    fn requests_of(&self, of: impl Fn(&Asking) -> bool, least: usize, apart: usize) -> bool {
        let requests = || self.requests.iter().filter(|(_, _, asking)| of(asking));
        let sessions: BTreeSet<Key> = requests().map(|&(key, ..)| key).collect();
        let requested: BTreeSet<u64> = requests().map(|&(_, request, _)| request).collect();
        let (hosts, networks) = differing(requests().map(|&(.., asking)| asking));
        sessions.len().min(requested.len()).min(hosts) >= least && networks >= apart
    }

    fn messages_differ(&self) -> bool {
        let sessions: BTreeSet<Key> = self.messages.iter().map(|&(key, _)| key).collect();
        let messages: BTreeSet<u64> = self.messages.iter().map(|&(_, message)| message).collect();
        sessions.len() >= LEAST && messages.len() >= LEAST
    }

    fn sessions(&self) -> BTreeSet<Key> {
        let requests = self.requests.iter().map(|&(key, ..)| key);
        let tunnels = self.tunnels.iter().map(|&(key, _)| key);
        tunnels.chain(requests).chain(self.messages.iter().map(|&(key, _)| key)).collect()
    }
}

/// How many hosts were named, and in how many networks the servers are that were called.
fn differing(asked: impl Iterator<Item = Asking>) -> (usize, usize) {
    let (mut hosts, mut networks) = (BTreeSet::new(), BTreeSet::new());
    for asking in asked {
        hosts.insert(asking.host);
        networks.insert(Network::around(asking.server, 24, 48));
    }
    (hosts.len(), networks.len())
}
