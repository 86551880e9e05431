"""Whether a saved artifact, reloaded, is what was measured before it was saved; and whether a finished run still is."""
