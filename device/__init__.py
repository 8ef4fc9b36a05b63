"""The appliance: what runs on the box."""
