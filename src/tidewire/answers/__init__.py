"""What a model says, as events; and the message that they fold into. Pure."""
