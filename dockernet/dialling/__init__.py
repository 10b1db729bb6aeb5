"""What is dialled: who answers, who answers first, and waiting for that."""
