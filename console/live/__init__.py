"""What is looked at until Ctrl-C: packets, the log, a table that follows the notifications."""
