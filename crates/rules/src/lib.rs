//! Snort and Suricata rules: from text to a compiled set, with diagnostics that name the place.
//!
//! It opens no file, reads no clock and knows no packets: a compiled rule is asked about a header and about buffers.
