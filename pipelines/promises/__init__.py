"""`bcf audit promises`: whether a workspace keeps what it promises, looked at on its files or tried out apart from them."""
