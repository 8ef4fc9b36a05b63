"""The local network: this box says where it is, and finds brokers; by mDNS (RFC 6762, 6763), and trusting nothing that it hears."""
