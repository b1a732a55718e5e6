"""Is it safe: exposure, encryption, rights, secrets, records, backups and protection; one module a subject."""
