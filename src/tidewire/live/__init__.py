"""Who is listening: hub, topics, subscriptions, and the sinks their bytes go into."""
