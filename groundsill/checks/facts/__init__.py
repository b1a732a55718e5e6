"""What AWS says, as data: each table names the page that it comes from."""
