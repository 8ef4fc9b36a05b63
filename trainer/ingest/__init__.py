"""Ingest: what boxes say over MQTT, into the store, once."""
