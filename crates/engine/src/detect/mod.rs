//! Rules held against packets and streams.
