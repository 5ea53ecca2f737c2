//! What is spoken on a stream: recognised by content on any port.
