//! From packets to connections: the table of flows, TCP after Zeek, streams put together.
