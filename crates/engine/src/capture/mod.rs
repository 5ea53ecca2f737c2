//! Capture files: pcap and pcapng, from blocks of bytes to frames.
