"""A generation on its own feet: it lives in the server, not in a request."""
