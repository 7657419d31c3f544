"""Great Expectations checks each delivery as a whole. It never decides the outcome of a row: the row rules do."""
