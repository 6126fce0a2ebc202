//! The capture as a pcapng file, for Wireshark and tshark.
