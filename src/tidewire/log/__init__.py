"""Where streams live: the contract (base) and its stores (memory, sqlite)."""
