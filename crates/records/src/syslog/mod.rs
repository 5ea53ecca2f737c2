//! What stands before a message in syslog, whoever wrote it: priorities, stamps, names.

pub(crate) mod header;
pub(crate) mod written;
