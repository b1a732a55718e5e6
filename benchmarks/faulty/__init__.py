"""Systems that are wrong on purpose, for the comparison of findings; never deploy them."""
