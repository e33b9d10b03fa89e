"""What is looked at once: tables and details of tunnels, daemon, certificates, sessions, history."""
