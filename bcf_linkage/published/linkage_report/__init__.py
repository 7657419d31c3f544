"""The linkage-quality report: one page, plain words first, made of published figures and of nothing else."""
