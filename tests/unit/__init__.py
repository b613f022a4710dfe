"""Tests that need no Gluster and run as any user, laid out as the packages of piragua are."""
