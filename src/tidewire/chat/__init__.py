"""Conversations: sessions, their messages, and the run that is going on."""
