//! From a frame to a packet: link layers, IP with fragments and tunnels, transport headers, checksums.
