"""The pipelines: the steps of a run, its flows, and the commands. Only this package imports all others."""
