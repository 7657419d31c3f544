"""Groups of commands: audit log, keys, opt-outs, national trace, clerical review, and the lists of people."""
