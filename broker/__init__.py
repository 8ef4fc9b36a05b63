"""How box and trainer talk to an MQTT broker: one connection, what goes over it, and what its refusals mean."""
