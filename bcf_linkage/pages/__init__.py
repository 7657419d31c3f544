"""Parts of the HTML reports: one self-contained page, its tables and its charts. They do not depend on what a report is about."""
