"""What tests rest on: instances, Gluster volumes, clients, stand-ins. There is no test here."""
