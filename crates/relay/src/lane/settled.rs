//! What has settled: outbound legs are taken into the tests, and legs are paired.

use catspaw_records::Nanos;

use super::{BRIEF_STRIDE, Context, Lane, PENDING, PENDING_INBOUND, STRIDE};
use crate::config::Topology;
use crate::content::Contents;
use crate::leg::Leg;
use crate::pending::{self, Final};
use crate::service::{Due, Key, Service};
use crate::sink::{LegPair, Sink};

impl Lane {
    /// Takes the outbound legs whose settle time has passed before `now` into the tests.
    #[inline]
    pub(super) fn settle(&mut self, ctx: &mut Context<'_>, now: Nanos) {
        // Nothing would be done with the others: most hosts never have a service.
        if !self.services.is_empty() || self.outbound.has_mail_to_settle() {
            self.settle_due(ctx, now);
        }
    }

    fn settle_due(&mut self, ctx: &mut Context<'_>, now: Nanos) {
        while let Some((leg, due)) = self.outbound.next_settled(ctx.config.settle, now) {
            if self.served_since.is_none_or(|since| due < since) && !leg.is_smtp() {
                continue;
            }
            let leg = leg.leg(ctx.sensor);
            if leg.smtp && !leg.inward {
                self.sends_mail(ctx, &leg, due);
            }
            let Some(size) = leg.size().filter(|size| size.total() > 0) else { continue };
            let day = ctx.days.of(due);
            let mut causes = self.services.values().filter(|s| leg.smtp && s.seems_to_cause(&leg)).map(|s| s.port);
            let passed = [causes.next(), causes.next()];
            for service in self.services.values_mut() {
                let due = Due { leg: &leg, size, inbound: &self.inbound_sizes, passed, day, now: due };
                service.take(due, ctx.config);
            }
            self.raise();
        }
    }

    fn sends_mail(&mut self, ctx: &mut Context<'_>, leg: &Leg, due: Nanos) {
        let covered = ctx.config.covers_mail(leg.own.addr, leg.peer.addr);
        let explained = self.services.values().any(|service| service.may_explain(leg));
        let day = ctx.days.of(due);
        self.spam[usize::from(covered)].get_or_insert_default().take(leg, explained, due, day, ctx.config);
    }

    fn raise(&mut self) {
        let logs: Vec<f64> = self
            .services
            .values()
            .flat_map(|s| s.tried(false).filter_map(|t| Some(t.latest()? + s.log_weight() + t.hypothesis.share().ln())))
            .collect();
        if logs.is_empty() {
            return;
        }
        let mean = crate::test::log_mean(&logs) + (logs.len() as f64).ln();
        crate::test::raise(&mut self.largest, mean);
    }

    /// Makes room: legs that carried nothing go first, for no test uses them; most hosts that open so many scan.
    fn drop_empty(&mut self) {
        let before = self.outbound.len();
        self.outbound.retain(|leg| leg.has_payload() || leg.is_smtp());
        self.empty_dropped += (before - self.outbound.len()) as u64;
    }

    pub(super) fn assign_when_due(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        if self.outbound.len() > PENDING {
            self.drop_empty();
        }
        let crowded = self.is_crowded();
        if crowded {
            // What waits for its factor would be gone before its turn.
            self.settle(ctx, Nanos::MAX);
            self.hurried += 1;
        }
        if !crowded && self.next_assignment.is_some_and(|next| now < next) {
            return;
        }
        let stride = if self.services.is_empty() { BRIEF_STRIDE } else { STRIDE };
        let after_now = Nanos((now.0.div_euclid(stride) + 1).saturating_mul(stride));
        let begins = self.next_assignment.replace(after_now).is_none();
        if crowded || !begins {
            self.assign(ctx, now, sink);
        }
    }

    fn is_crowded(&self) -> bool {
        let inbound = || self.services.values().map(|service| service.legs.len()).sum::<usize>();
        self.outbound.len() > PENDING || (!self.services.is_empty() && inbound() > PENDING_INBOUND)
    }

    /// Pairs what is pending, gives away what is final at `now`, and keeps the rest for the next time.
    pub(super) fn assign(&mut self, ctx: &Context<'_>, now: Nanos, sink: &mut impl Sink) {
        let crowded = self.is_crowded();
        let convicted = |s: &Service| [false, true].iter().any(|&a| s.tried(a).any(|t| t.conviction.is_some()));
        let hands_mail_on = self.contents.get().is_some_and(|contents| contents.hands_mail_on);
        let writes_mail_anew = !hands_mail_on && self.services.values().any(|service| convicted(service));
        if writes_mail_anew || self.contents.get().is_some() {
            self.contents.make().writes_mail_anew = writes_mail_anew;
        }
        let nothing = Contents::default();
        let contents = self.contents.get().unwrap_or(&nothing);
        let horizon = ctx.config.horizon;
        let is_final = |known: Option<Nanos>| {
            now == Nanos::MAX || crowded || known.is_some_and(|known| known.plus(horizon) <= now)
        };
        pending::settle(&mut self.services, (&mut self.outbound, ctx.sensor), contents, is_final, |pair| {
            let Final { inbound, outbound, clear, basis } = pair;
            sink.pair(LegPair {
                host: ctx.host,
                sensor: ctx.sensor,
                topology: Topology::Forward,
                port: inbound.own.port,
                authorised: ctx.config.covers(inbound.own, inbound.peer.addr, outbound.peer.addr),
                key: now,
                basis,
                clear,
                inbound: *inbound,
                outbound: *outbound,
            });
        });
        if let Some(contents) = self.contents.get_mut().filter(|contents| !contents.is_empty()) {
            let (services, outbound) = (&self.services, self.outbound.keys());
            let waits = |key: &Key| services.values().any(|service| service.legs.contains_key(key));
            contents.keep(waits, |key| outbound.contains(key));
        }
    }
}
