"""What is measured within a home: each a process with that home's environment."""
