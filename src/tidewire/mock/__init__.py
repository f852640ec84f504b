"""Model APIs that are not real: scripted answers, recordings played back, faults on demand.

What goes over the wire and when is a *timeline* (timeline.py), whether it comes from a
scenario (scenario.py, written in a vendor's format by apis/) or from a recording
(recording.py). The app (app.py) plays timelines and keeps count; serve.py gives it a port.
Nothing here is part of a running ``tidewire serve``.
"""
