"""Clients of Heketi's API as the world has them, and a core in memory to try the front-end on."""
