"""Workers as they are seen from outside their program: who answers, what is answered, and who asks."""
