"""Groups of commands for those who answer for the data: its keys, its trail, its names and its end."""
