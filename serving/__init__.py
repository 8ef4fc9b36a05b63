"""How box and trainer answer over HTTP: which connections are let in, and for how long, before they ask anything."""
