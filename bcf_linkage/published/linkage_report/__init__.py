"""The linkage-quality report: one HTML page, made of published figures only, with the summary first."""
