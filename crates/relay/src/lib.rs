//! The correlator.
