"""Model adapters: one file per model API, each reading it into answer events."""
