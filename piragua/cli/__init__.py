"""The program `piragua`: what runs on a server, and what asks one from any machine."""
